// The steps through a block and the classifier, in order of computation.

export const NORM = 0;
export const QKV = 1;
export const SCORES = 2;
export const SOFTMAX = 3;
export const VALUES = 4;
export const JOIN = 5;
export const RESIDUAL = 6;
export const MLP = 7;
export const OUTPUT = 8;
export const CLASSIFIER = 9;

// Whether a step is about one query and its keys.
export const isAttention = (step) => step >= QKV && step <= VALUES;

// Whether the temperature changes a step.
export const softens = (step) => step === SOFTMAX || step === VALUES;
