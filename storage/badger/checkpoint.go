package badger

import (
	"encoding/binary"
	"encoding/json"
	"fmt"

	"github.com/dgraph-io/badger/v4"
	"go.etcd.io/raft/v3/raftpb"

	"github.com/troupe-mq/troupe/storage"
)

// chunkBytes is how much of a checkpoint lies under one key.
const chunkBytes = 4 << 20

const checkpointHead = 20

// encodeCheckpoint returns the chunks of a checkpoint, one at least.
func encodeCheckpoint(c *storage.Checkpoint) ([][]byte, error) {
	conf, err := json.Marshal(c.Conf)
	if err != nil {
		return nil, fmt.Errorf("the members in a checkpoint: %w", err)
	}
	b := make([]byte, 0, checkpointHead+len(conf)+len(c.Machine))
	b = binary.BigEndian.AppendUint64(b, c.Index)
	b = binary.BigEndian.AppendUint64(b, c.Term)
	b = binary.BigEndian.AppendUint32(b, uint32(len(conf)))
	b = append(append(b, conf...), c.Machine...)
	var chunks [][]byte
	for len(b) > 0 {
		n := min(len(b), chunkBytes)
		chunks = append(chunks, seal(append(sealed(n), b[:n]...)))
		b = b[n:]
	}
	return chunks, nil
}

func decodeCheckpoint(body []byte) (*storage.Checkpoint, error) {
	if len(body) < checkpointHead || uint64(len(body)) < checkpointHead+uint64(binary.BigEndian.Uint32(body[16:])) {
		return nil, fmt.Errorf("%w: a checkpoint of %d bytes", storage.ErrCorrupt, len(body))
	}
	n := checkpointHead + int(binary.BigEndian.Uint32(body[16:]))
	c := &storage.Checkpoint{Conf: &raftpb.ConfState{}}
	c.Index, c.Term = binary.BigEndian.Uint64(body), binary.BigEndian.Uint64(body[8:])
	if err := json.Unmarshal(body[checkpointHead:n], c.Conf); err != nil {
		return nil, fmt.Errorf("%w: the members in a checkpoint: %v", storage.ErrCorrupt, err)
	}
	if n < len(body) {
		c.Machine = body[n:]
	}
	return c, nil
}

// sizeOfChunks returns how much a checkpoint has in its chunks.
func sizeOfChunks(chunks [][]byte) (n int64) {
	for _, c := range chunks {
		n += int64(len(c) - sealBytes)
	}
	return n
}

// putChunks replaces the checkpoint of a replica, which had so many chunks before.
func putChunks(txn *badger.Txn, r storage.ReplicaID, chunks [][]byte, before uint32) error {
	for i, chunk := range chunks {
		if err := txn.Set(chunkKey(r, uint32(i)), chunk); err != nil {
			return err
		}
	}
	return deleteChunks(txn, r, uint32(len(chunks)), before)
}

func deleteChunks(txn *badger.Txn, r storage.ReplicaID, from, to uint32) error {
	for i := from; i < to; i++ {
		if err := txn.Delete(chunkKey(r, i)); err != nil {
			return err
		}
	}
	return nil
}

// readCheckpoint puts the chunks of a replica's checkpoint together.
func readCheckpoint(txn *badger.Txn, h record) (*storage.Checkpoint, error) {
	if h.chunks == 0 {
		return nil, storage.ErrNotFound
	}
	var body []byte
	for i := range h.chunks {
		value, err := get(txn, chunkKey(h.State.Replica, i))
		if err != nil {
			return nil, corrupt(err)
		}
		chunk, err := open(value)
		if err != nil {
			return nil, err
		}
		if h.chunks == 1 {
			body = chunk
		} else {
			body = append(body, chunk...)
		}
	}
	c, err := decodeCheckpoint(body)
	if err == nil && c.Position != h.Checkpoint {
		err = fmt.Errorf("%w: the checkpoint of %v lies where that of %v should", storage.ErrCorrupt, c.Position, h.Checkpoint)
	}
	return c, err
}
