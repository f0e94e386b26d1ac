// A consumer of refunds, as another team might have it, and the pact that says what it relies on.
// Each expectation runs the team's own handler; what it passes with is written to ../payment-institution-purchasing.json.
import { fileURLToPath } from "node:url";
import test from "node:test";
import assert from "node:assert/strict";
import { MatchersV3, MessageConsumerPact } from "@pact-foundation/pact";

const { decimal, eachLike, integer, like, regex, string } = MatchersV3;

/** The team's own code: makes a payment order of a refund command. */
function paymentOrder(event, done) {
  const { command_id, line, amount, destination, payment_id, basis } = event.data;
  if (done.has(command_id)) return null; // delivered again
  done.add(command_id);
  if (!Number.isSafeInteger(amount.value)) throw new TypeError("amounts are whole minor units");
  if (destination === "original_payment" && !payment_id) throw new TypeError("no payment to pay back on");
  const text = `${line}: ${basis[0].because}`;
  return { id: command_id, minor: amount.value, currency: amount.currency, to: payment_id ?? destination, text };
}

const refund = (data) => ({
  specversion: "1.0",
  id: like("0b6e7c1e-8d0e-5d43-9c55-3f4f8a1f3b01"),
  source: "/purchasing",
  type: "purchasing.refund.issue.v1",
  subject: string("ord-1001"),
  time: regex("^[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9:.]+Z$", "2026-03-02T09:00:00Z"),
  data: {
    command_id: string("0b6e7c1e-8d0e-5d43-9c55-3f4f8a1f3b01"),
    line: string("purchase"),
    amount: { currency: regex("^[A-Z]{3}$", "CNY"), value: integer(101301) },
    basis: eachLike({ clause: string("12(1)A"), because: string("no purchase had been made from the seller") }),
    ...data,
  },
});

const pact = () => new MessageConsumerPact({
  consumer: "payment-institution",
  provider: "purchasing",
  dir: fileURLToPath(new URL("..", import.meta.url)),
  logLevel: "error",
  pactfileWriteMode: "update",
});

function expectation(description, state, data, expected) {
  test(description, () =>
    pact()
      .given(state)
      .expectsToReceive(description)
      .withContent(refund(data))
      .withMetadata({ topic: "purchasing.commands.refund.v1" })
      .verify(async (message) => {
        const done = new Set();
        assert.equal(paymentOrder(message.contents, done).to, expected);
        assert.equal(paymentOrder(message.contents, done), null);
      }));
}

// The description begins with the message's type. The state says which message: one of our examples, or what the
// service publishes for one of its worked examples.
expectation(
  "purchasing.refund.issue.v1 back on the payment",
  { name: "an example", params: { name: "whole" } },
  { destination: "original_payment", payment_id: string("pay-1") },
  "pay-1",
);
expectation(
  "purchasing.refund.issue.v1 to the buyer's account",
  { name: "an example", params: { name: "minimal" } },
  { destination: "buyer_account" },
  "buyer_account",
);
expectation(
  "purchasing.refund.issue.v1 of an order cancelled after the purchase",
  { name: "a worked example", params: { name: "13-cancel-after-purchase-seller-agrees-with-penalty" } },
  { destination: "original_payment", payment_id: string("pay-1") },
  "pay-1",
);
