// The steps through a block and the classifier, in order of computation.

export const [NORM, QKV, SCORES, SOFTMAX, VALUES, JOIN, RESIDUAL, MLP, OUTPUT, CLASSIFIER] = Array(10)
  .keys();

// Whether a step is about one query and its keys.
export const isAttention = (step) => step >= QKV && step <= VALUES;

// Whether the temperature changes a step.
export const softens = (step) => step === SOFTMAX || step === VALUES;
