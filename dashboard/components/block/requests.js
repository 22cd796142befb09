// What the stepper asks the server for in addition to a block: the patches that excite the units, and the
// rows of weights of the number that is written out.

import { MLP } from "./steps.js";

const REST_MS = 120; // of the pointer, before weights are asked for

/** The requests of a stepper: each is sent once, and none while other numbers are on their way. */
export class BlockRequests {
  soughtFor = null; // the key of the block whose patches of units the server was asked for
  requested = null; // the row of weights that the server was asked for
  rest = null; // timer: ask for weights when the pointer rests

  /** @param {any} stepper */
  constructor(stepper) {
    this.stepper = stepper;
  }

  /** Ask for what the shown step lacks. */
  fill() {
    this.askForUnits();
    this.askForWeights();
  }

  // Ask once per block for the patches that excite the units: only their step shows them.
  askForUnits() {
    const { stepper } = this, { key, units, standalone } = stepper.block.header;
    if (stepper.step !== MLP || units.length || standalone || stepper.asked !== null) return;
    if (this.soughtFor === key) return;
    this.soughtFor = key;
    stepper.ask("units");
  }

  // Ask for the weights of the number that is written out, when the pointer rests on it. Not while other
  // numbers are on their way: a request ends the one before it.
  askForWeights() {
    clearTimeout(this.rest);
    const { block: { header }, asked, step } = this.stepper, { row } = this.wanted();
    const waits = step === MLP && !header.units.length;
    if (!row || row === this.requested || header.standalone || asked !== null || waits) return;
    this.rest = setTimeout(() => this.stepper.ask("weights"), REST_MS);
  }

  /** Return the row of weights that the browser lacks, unless another block is asked for. */
  wanted(block = this.stepper.blockIndex) {
    const { sum, blockIndex, block: { header } } = this.stepper;
    if (block !== blockIndex || !sum?.inputs || sum.weights) return {};
    return { row: `${header.key} ${sum.layer} ${sum.row}` };
  }

  /** Remember what a request for a block asks for, before it is sent. */
  sending(block) {
    clearTimeout(this.rest);
    this.requested = this.wanted(block).row ?? null;
  }
}
