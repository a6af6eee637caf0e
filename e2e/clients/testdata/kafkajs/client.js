// Keeps the contract of a client (see contract_test.go) with KafkaJS.
const fs = require('fs')
const { Kafka, CompressionTypes, CompressionCodecs, logLevel } = require('kafkajs')
const lz4 = require('lz4js')
const xxh32 = require('lz4js/xxh32.js')
const snappy = require('kafkajs-snappy')
const { ZstdCodec } = require('zstd-codec')

// KafkaJS has gzip alone; its documentation says to add the others like this.
CompressionCodecs[CompressionTypes.Snappy] = snappy
CompressionCodecs[CompressionTypes.LZ4] = () => ({
  compress: async (encoder) => independent(Buffer.from(lz4.compress(encoder.buffer))),
  decompress: async (buffer) => Buffer.from(lz4.decompress(buffer)),
})
// Kafka, broker and Java client, takes LZ4 frames with independent blocks only. lz4js makes the blocks so and does not
// say it: the flag is set, and the header's checksum made anew.
function independent(frame) {
  frame[4] |= 0x20
  frame[6] = (xxh32.hash(0, frame, 4, 2) >> 8) & 0xff
  return frame
}
const zstd = new Promise((resolve) => ZstdCodec.run((z) => resolve(new z.Simple())))
CompressionCodecs[CompressionTypes.ZSTD] = () => ({
  compress: async (encoder) => Buffer.from((await zstd).compress(encoder.buffer)),
  decompress: async (buffer) => Buffer.from((await zstd).decompress(buffer)),
})

const codecs = {
  none: CompressionTypes.None, gzip: CompressionTypes.GZIP, snappy: CompressionTypes.Snappy, lz4: CompressionTypes.LZ4, zstd: CompressionTypes.ZSTD,
}

async function topics(kafka) {
  const admin = kafka.admin()
  await admin.connect()
  console.log((await admin.listTopics()).join('\n'))
  await admin.disconnect()
}

async function create(kafka, topic) {
  const admin = kafka.admin()
  await admin.connect()
  await admin.createTopics({ waitForLeaders: true, topics: [{ topic, numPartitions: 3, replicationFactor: 3 }] })
  await admin.disconnect()
}

async function produce(kafka, topic, codec) {
  const lines = fs.readFileSync(0, 'utf8').split('\n').filter((l) => l !== '')
  const messages = lines.map((l) => ({ key: l.slice(0, l.indexOf('\t')), value: l.slice(l.indexOf('\t') + 1) }))
  const producer = kafka.producer({ idempotent: true, maxInFlightRequests: 1 })
  await producer.connect()
  for (let i = 0; i < messages.length; i += 50) {
    await producer.send({ topic, acks: -1, compression: codecs[codec], messages: messages.slice(i, i + 50) })
  }
  await producer.disconnect()
}

async function consume(kafka, topic, groupId) {
  const consumer = kafka.consumer({ groupId })
  await consumer.connect()
  await consumer.subscribe({ topics: [topic], fromBeginning: true })
  await consumer.run({
    eachMessage: async ({ partition, message }) => {
      process.stdout.write(`${partition}\t${message.offset}\t${message.key}\t${message.value}\n`)
    },
  })
  // Leaving commits what was handled.
  process.on('SIGTERM', () => consumer.disconnect().then(() => process.exit(0)))
}

const [verb, brokers, ...args] = process.argv.slice(2)
const kafka = new Kafka({ brokers: brokers.split(','), logLevel: logLevel.WARN })
const verbs = { topics, create, produce, consume }
verbs[verb](kafka, ...args).catch((e) => {
  console.error(e)
  process.exit(1)
})
