// The number that is written out while nothing is under the pointer: where a link says it, and whether this
// block has it. It is like a hit of the pointer, { panel, token, j, item }: see pointing.js.

import { parseCount } from "../shared/address.js";
import { parseToken, tokenText } from "../shared/tokens.js";
import { CLASSIFIER, isAttention, MLP, NORM, RESIDUAL } from "./steps.js";

const isClass = (step, panel) => step === CLASSIFIER && panel === "classes";

/**
 * Return how many numbers a panel of a step has for one token, or how many classes there are.
 * @param {any} block
 * @param {number} step
 * @param {string | null} panel
 */
export function countOf({ header, size, pooled, features }, step, panel) {
  if (isAttention(step)) return size;
  if (step === MLP) return header.hidden;
  if (step !== CLASSIFIER || panel === "output") return header.dim;
  if (panel === "classes") return header.outputs || features.length;
  return (panel === "features" ? features : pooled).length;
}

/**
 * Read a pin from the parameters `array`, `token` and `number` of a link. Return null without one, or if this
 * block does not have it.
 * @param {any} block
 * @param {number} step
 * @param {URLSearchParams} linked
 */
export function readPin(block, step, linked) {
  const { header } = block, panel = linked.get("array")?.replace("-", " ") ?? null;
  const token = parseToken(linked.get("token"), header), number = parseCount(linked.get("number"));
  if (token === null && number === null) return null;
  if (number !== null && number > countOf(block, step, panel)) return null;
  const pin = { panel, ...(token === null ? {} : { token }) };
  if (number === null) return pin;
  if (!isClass(step, panel)) return { ...pin, j: number - 1 };
  const listed = !header.outputs || header.listed.includes(number - 1);
  return listed ? { ...pin, item: number - 1 } : null;
}

/**
 * Return the parameters of a link to a pin: null for those that it does not need.
 * @param {any} block
 * @param {any} pin or null
 */
export function pinParameters({ header }, pin) {
  const number = pin?.j ?? pin?.item, token = pin?.token;
  const known = number !== undefined || token !== undefined;
  return {
    array: known && pin.panel ? pin.panel.replace(" ", "-") : null,
    token: token === undefined ? null : tokenText(token, header),
    number: number === undefined ? null : String(number + 1),
  };
}

/**
 * Return the pin of what the stepper shows without the pointer: the pinned number, or else the last one that
 * was pointed at, as far as it stays.
 * @param {any} stepper
 */
export function pinAtRest({ step, pin, pointedKey, pointedJ, pointedClass, summed }) {
  if (pin) return pin;
  const given = (name, value) => value === null || value === undefined ? {} : { [name]: value };
  if (step === CLASSIFIER) return pointedClass === null ? null : { panel: "classes", item: pointedClass };
  const j = step === NORM || step === RESIDUAL || step === MLP ? pointedJ : summed?.j ?? null;
  const attends = isAttention(step), panel = attends ? summed?.part ?? null : null;
  return { panel, ...given("token", attends ? pointedKey : null), ...given("j", j) };
}

/**
 * Return the pin after a click on something in the drawing, or null if it chooses something else.
 * @param {any} stepper
 * @param {any} found
 */
export function pinOf({ step, pointedKey }, found) {
  if (["image", "parts"].includes(found.panel)) return null;
  if (!isAttention(step) || found.token !== undefined || pointedKey === null) return found;
  return { ...found, token: pointedKey }; // bars of the token that was pointed at before
}
