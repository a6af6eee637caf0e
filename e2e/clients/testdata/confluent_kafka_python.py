"""Keeps the contract of a client (see contract_test.go) with confluent-kafka-python, that is with the newest librdkafka."""

import signal
import sys
import threading

from confluent_kafka import Consumer, KafkaException, Producer
from confluent_kafka.admin import AdminClient, NewTopic

stopped = threading.Event()


def topics(brokers):
    print("\n".join(AdminClient({"bootstrap.servers": brokers}).list_topics(timeout=30).topics))


def create(brokers, topic):
    admin = AdminClient({"bootstrap.servers": brokers})
    for done in admin.create_topics([NewTopic(topic, 3, 3)]).values():
        done.result(30)


def produce(brokers, topic, codec):
    failed = []
    producer = Producer({"bootstrap.servers": brokers, "acks": "all", "enable.idempotence": True, "compression.type": codec})
    for line in sys.stdin.buffer:
        key, value = line.rstrip(b"\n").split(b"\t", 1)
        producer.produce(topic, key=key, value=value, on_delivery=lambda err, _: err and failed.append(err))
    left = producer.flush(60)
    if failed or left:
        sys.exit(f"{left} not sent, {len(failed)} failed: {failed[:3]}")


def commit(consumer):
    try:
        consumer.commit(asynchronous=False)
    except KafkaException as e:
        if e.args[0].name() != "_NO_OFFSET":  # nothing was read since the last time
            raise


def consume(brokers, topic, group):
    signal.signal(signal.SIGTERM, lambda *_: stopped.set())
    consumer = Consumer({"bootstrap.servers": brokers, "group.id": group, "auto.offset.reset": "earliest", "enable.auto.commit": False})
    consumer.subscribe([topic], on_revoke=lambda c, _: commit(c))
    while not stopped.is_set():
        r = consumer.poll(0.2)
        if r is None:
            continue
        if r.error():
            raise KafkaException(r.error())
        print(r.partition(), r.offset(), r.key().decode(), r.value().decode(), sep="\t", flush=True)
    commit(consumer)
    consumer.close()


if __name__ == "__main__":
    {"topics": topics, "create": create, "produce": produce, "consume": consume}[sys.argv[1]](*sys.argv[2:])
