// A Kafka client in JavaScript, as another team might have it: writes what it gets as lines of JSON, in the notation of
// kcat -J, with kafkajs' own partitioner; or reads committed records of a topic from its beginning, and prints them.
//
//   node kafka.mjs write BOOTSTRAP < records
//   node kafka.mjs read BOOTSTRAP TOPIC COUNT
import { randomUUID } from "node:crypto";
import { createInterface } from "node:readline";
import { Kafka, Partitioners, logLevel } from "kafkajs";

const [action, bootstrap, topic, count] = process.argv.slice(2);
const kafka = new Kafka({ brokers: [bootstrap], logLevel: logLevel.ERROR });
const print = (record) => console.log(JSON.stringify(record));

function pairs(headers) {
  const found = {};
  for (let i = 0; i + 1 < headers.length; i += 2) found[headers[i]] = headers[i + 1];
  return found;
}

async function write() {
  // Its own choice, named only so that it doesn't print a notice about a change in its version 2.
  const producer = kafka.producer({ createPartitioner: Partitioners.DefaultPartitioner });
  await producer.connect();
  for await (const line of createInterface({ input: process.stdin })) {
    const given = JSON.parse(line);
    const message = { key: given.key, value: given.payload, headers: pairs(given.headers) };
    const [{ partition }] = await producer.send({ topic: given.topic, messages: [message], acks: -1 });
    print({ ...given, partition });
  }
  await producer.disconnect();
}

async function read() {
  const consumer = kafka.consumer({ groupId: `javascript-${randomUUID()}`, readUncommitted: false });
  await consumer.connect();
  await consumer.subscribe({ topics: [topic], fromBeginning: true });
  let left = Number(count);
  await new Promise((done, failed) => {
    consumer.on(consumer.events.CRASH, ({ payload }) => failed(payload.error));
    if (left === 0) done();
    consumer.run({
      eachMessage: async ({ partition, message }) => {
        const headers = Object.entries(message.headers).flatMap(([name, value]) => [name, value.toString()]);
        print({ topic, partition, key: message.key.toString(), headers, payload: message.value.toString() });
        if (--left === 0) done();
      },
    }).catch(failed);
  });
  await consumer.disconnect();
}

await (action === "write" ? write() : read());
