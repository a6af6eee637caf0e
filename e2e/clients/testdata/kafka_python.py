"""Keeps the contract of a client (see contract_test.go) with kafka-python, 2.0.2 and newer."""

import signal
import sys
import threading

if sys.version_info >= (3, 12):
    # 2.0.2 brings a six that these versions cannot import; its users put the real one in its place.
    import six.moves

    sys.modules["kafka.vendor.six.moves"] = six.moves

from kafka import KafkaConsumer, KafkaProducer
from kafka.admin import KafkaAdminClient, NewTopic

stopped = threading.Event()


def topics(brokers):
    consumer = KafkaConsumer(bootstrap_servers=brokers)
    print("\n".join(consumer.topics()))
    consumer.close()


def create(brokers, topic):
    admin = KafkaAdminClient(bootstrap_servers=brokers)
    admin.create_topics([NewTopic(topic, 3, 3)])
    admin.close()


def produce(brokers, topic, codec):
    producer = KafkaProducer(bootstrap_servers=brokers, acks="all", linger_ms=5, compression_type=None if codec == "none" else codec)
    sent = []
    for line in sys.stdin.buffer:
        key, value = line.rstrip(b"\n").split(b"\t", 1)
        sent.append(producer.send(topic, key=key, value=value))
    producer.flush()
    for s in sent:
        s.get(timeout=0)
    producer.close()


def consume(brokers, topic, group):
    signal.signal(signal.SIGTERM, lambda *_: stopped.set())
    # It commits by itself too, because it must before a rebalance, and the listener of newer versions cannot.
    consumer = KafkaConsumer(topic, bootstrap_servers=brokers, group_id=group, auto_offset_reset="earliest", enable_auto_commit=True)
    while not stopped.is_set():
        for records in consumer.poll(timeout_ms=200).values():
            for r in records:
                print(r.partition, r.offset, r.key.decode(), r.value.decode(), sep="\t", flush=True)
    consumer.commit()
    consumer.close()


if __name__ == "__main__":
    {"topics": topics, "create": create, "produce": produce, "consume": consume}[sys.argv[1]](sys.argv[2].split(","), *sys.argv[3:])
