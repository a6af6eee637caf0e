package sim

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kmsg"
)

// Sizes and times of worlds with many groups.
const (
	groupsEach      = 150              // groups of each client
	offsetsKept     = time.Minute      // offsets.retention.minutes
	requestsSurvive = 30 * time.Second // for so long what was not answered may still come about
)

// manyGroups has many consumer groups of its own and is alone with them, so that it knows what each
// may hold: the offset that was acknowledged last, or one that it was not told about. Offsets go by
// deletion, or once the group is old and nobody is in it, and not before.
func manyGroups(c *client) {
	w := c.world
	owner := &groupOwner{member: &member{client: c}, groups: map[string]*groupModel{}}
	for !w.load.quiet {
		owner.turn()
		c.rest(w.think() / 4)
	}
}

// groupOwner is a client of many groups.
type groupOwner struct {
	*member
	groups map[string]*groupModel
	due    []dueGroup // to commit again about when their offsets expire
	next   int64
}

// dueGroup is a group that is to commit again.
type dueGroup struct {
	name string
	at   instant
}

// groupModel is what a group may hold for partition 0 of the main topic.
type groupModel struct {
	offset int64   // acknowledged last, -1 for none
	at     instant // when that was asked for
	maybe  []maybe
}

// maybe is an offset that may have been committed, or -1 for a deletion that may have come about.
type maybe struct {
	offset int64
	at     instant
}

// turn does something to one of the groups.
func (o *groupOwner) turn() {
	w := o.world
	if o.coordinator < 0 || w.chance(50) || o.group == "" {
		o.group = "any"
		if !o.find() {
			o.coordinator = -1
			return
		}
	}
	if len(o.due) > 0 && o.due[0].at <= w.now {
		name := o.due[0].name
		o.due = o.due[1:]
		o.commits(name)
		o.check(name)
		return
	}
	name := fmt.Sprintf("%s-%d", o.name, w.pick(groupsEach))
	switch w.pick(12) {
	case 0, 1, 2, 3:
		o.commits(name)
	case 4:
		o.deletes(name)
	case 5:
		o.joins(name)
	case 6:
		o.joinsDeleted(name)
	case 7:
		o.unusual()
	default:
		o.check(name)
	}
}

func (o *groupOwner) model(name string) *groupModel {
	if o.groups[name] == nil {
		o.groups[name] = &groupModel{offset: -1}
	}
	return o.groups[name]
}

// forget drops what can not come about any more, now that something later was acknowledged.
func (g *groupModel) forget(now instant) {
	g.maybe = slices.DeleteFunc(g.maybe, func(m maybe) bool { return now > m.at.plus(requestsSurvive) })
}

// commits commits an offset for a group without a member.
func (o *groupOwner) commits(name string) {
	w, g := o.world, o.model(name)
	o.next++
	asked := w.now
	code, err := o.commitAs(name, o.next, w.pick(64))
	switch {
	case err != nil || code != 0 && retriable(code):
		g.maybe = append(g.maybe, maybe{o.next, asked})
		o.coordinator = -1
	case code == 0:
		g.offset, g.at = o.next, asked
		g.forget(w.now)
		o.due = append(o.due, dueGroup{name, asked.plus(offsetsKept + w.upTo(1500*time.Millisecond))})
	}
}

// commitAs is the request of somebody who is no member, with so many bytes of metadata. It returns
// the error code.
func (o *groupOwner) commitAs(group string, offset int64, bytes int) (int16, error) {
	r := kmsg.NewPtrOffsetCommitRequest()
	r.Version, r.Group, r.Generation = o.world.version(2, 9), group, -1
	t := kmsg.NewOffsetCommitRequestTopic()
	t.Topic = mainTopic
	part := kmsg.NewOffsetCommitRequestTopicPartition()
	part.Offset, part.LeaderEpoch, part.Metadata = offset, -1, kmsg.StringPtr(strings.Repeat("m", bytes))
	t.Partitions = append(t.Partitions, part)
	r.Topics = append(r.Topics, t)
	answer, err := o.ask(o.coordinator, r)
	if err != nil {
		return 0, err
	}
	return answer.(*kmsg.OffsetCommitResponse).Topics[0].Partitions[0].ErrorCode, nil
}

// check asks what a group has committed and holds it against what it may have.
func (o *groupOwner) check(name string) {
	g := o.model(name)
	r := kmsg.NewPtrOffsetFetchRequest()
	r.Version, r.Group = o.world.version(2, 7), name
	t := kmsg.NewOffsetFetchRequestTopic()
	t.Topic, t.Partitions = mainTopic, []int32{0}
	r.Topics = append(r.Topics, t)
	answer, err := o.ask(o.coordinator, r)
	if err != nil || answer.(*kmsg.OffsetFetchResponse).ErrorCode != 0 {
		o.coordinator = -1
		return
	}
	got := answer.(*kmsg.OffsetFetchResponse).Topics[0].Partitions[0]
	if got.ErrorCode == 0 && !o.may(g, got.Offset) {
		o.world.violate(Kept, "group %s is told offset %d; it committed %d at %s (or maybe %v), and nobody deleted that", name, got.Offset, g.offset,
			time.Duration(g.at), g.maybe)
	}
}

// may reports whether a group may hold an offset.
func (o *groupOwner) may(g *groupModel, offset int64) bool {
	old := o.world.now > g.at.plus(offsetsKept-2*o.world.load.strayed-time.Second)
	return offset == g.offset || offset == -1 && old || slices.ContainsFunc(g.maybe, func(m maybe) bool { return m.offset == offset })
}

// deletion is the request that deletes a group.
func deletion(name string) *kmsg.DeleteGroupsRequest {
	r := kmsg.NewPtrDeleteGroupsRequest()
	r.Version, r.Groups = 1, []string{name}
	return r
}

// deletes deletes a group.
func (o *groupOwner) deletes(name string) {
	w, g := o.world, o.model(name)
	asked := w.now
	answer, err := o.ask(o.coordinator, deletion(name))
	if err != nil {
		g.maybe = append(g.maybe, maybe{-1, asked})
		o.coordinator = -1
		return
	}
	switch code := answer.(*kmsg.DeleteGroupsResponse).Groups[0].ErrorCode; {
	case code == 0:
		g.offset = -1
		g.forget(w.now)
	case code == kerr.GroupIDNotFound.Code && !o.may(g, -1):
		w.violate(Kept, "group %s is said not to be there; it committed offset %d at %s", name, g.offset, time.Duration(g.at))
	case code != kerr.GroupIDNotFound.Code && code != kerr.NonEmptyGroup.Code:
		g.maybe = append(g.maybe, maybe{-1, asked})
		o.coordinator = -1
	}
}

// joins has a group live for a moment: somebody joins, commits as its member, and leaves, or is not
// heard of any more.
func (o *groupOwner) joins(name string) {
	w, g := o.world, o.model(name)
	m := &member{client: o.client, group: name, coordinator: o.coordinator, position: map[partition]int64{}}
	if !m.join() {
		return
	}
	p := partition{mainTopic, 0}
	o.next++
	m.position[p] = o.next
	g.maybe = append(g.maybe, maybe{o.next, w.now})
	asked := w.now
	if m.heartbeat() && m.commit(p) {
		g.offset, g.at = o.next, asked
		g.forget(w.now)
	}
	if w.chance(2) {
		m.leave()
	}
}

// joinsDeleted joins a group while its deletion is under way. Both are answered.
func (o *groupOwner) joinsDeleted(name string) {
	w, g := o.world, o.model(name)
	g.maybe = append(g.maybe, maybe{-1, w.now})
	o.send(o.coordinator, deletion(name))
	o.wait(w.upTo(2 * time.Millisecond))
	m := &member{client: o.client, group: name, coordinator: o.coordinator, position: map[partition]int64{}}
	if m.join() {
		m.leave()
	}
}

// unusual commits for a group of an enormous name, or with enormous metadata. Whatever it is told,
// others are not to notice.
func (o *groupOwner) unusual() {
	w := o.world
	if !w.chance(4) {
		return
	}
	length := []int{1, 249, 32_766, 32_767}[w.pick(4)]
	_, err := o.commitAs(strings.Repeat("n", length), 1, []int{0, 4096, 4097, 32_767}[w.pick(4)])
	if err != nil {
		o.coordinator = -1
	}
}
