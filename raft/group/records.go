package group

import (
	"encoding/binary"
	"errors"
	"fmt"

	"github.com/troupe-mq/troupe/raft/coordination"
)

// Versions of Kafka's records in __consumer_offsets.
const (
	offsetKeyVersion = 1
	groupKeyVersion  = 2
	// with the topic's id, so that a topic that was deleted and made anew has no offsets
	offsetValueVersion = 4
	groupValueVersion  = 3
)

// decode is coordination.Decode for __consumer_offsets.
func (c *Coordinator) decode(by coordination.Producer, r coordination.Record) (coordination.Change, error) {
	if by.Control {
		return nil, nil
	}
	if len(r.Key) < 2 {
		return nil, fmt.Errorf("group: a key of %d bytes", len(r.Key))
	}
	switch int16(binary.BigEndian.Uint16(r.Key)) {
	case 0, offsetKeyVersion:
		return c.decodeOffset(r)
	case groupKeyVersion:
		return c.decodeMetadata(r)
	}
	return nil, nil
}

// unreadable is why a key that was read without an error is not the one that was written: its
// lengths overflowed.
func unreadable(err error) error {
	if err == nil {
		return errors.New("it is not what was written")
	}
	return err
}

// changed changes a group as a record says. Nothing is left of one that was deleted and has no
// offsets; a deletion makes none.
func (c *Coordinator) changed(id string, deletion bool, change func(*group)) {
	g := c.groups[id]
	if g == nil {
		if deletion {
			return
		}
		g = newClassic(c, id, 0).group
		c.put(g)
	}
	g.recorded, g.stale = true, true
	change(g)
	if g.ended && len(g.offsets) == 0 {
		c.drop(g)
	}
}
