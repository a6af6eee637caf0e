//go:build !race

package api_test

import (
	"bytes"
	"encoding/binary"
	"io"
	"net"
	"reflect"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/troupe-mq/troupe/actors/api"
)

// Every API answers in every version that is advertised, to a request without and to one with an
// element in each array, in the order of the requests and in the very bytes of that version. What
// it answers is for other tests.
func TestEveryVersionOfEveryAPIIsAnswered(t *testing.T) {
	c := newCluster(t, nil)
	conn, err := net.Dial("tcp", c.address)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	conn.SetDeadline(time.Now().Add(time.Minute))
	correlation := int32(0) // so many requests were sent
	for _, known := range api.APIs() {
		key := known.Key
		for version := known.Min; version <= known.Max; version++ {
			for _, filled := range []bool{false, true} {
				r := kmsg.RequestForKey(int16(key))
				if filled {
					fill(reflect.ValueOf(r).Elem(), c.topic)
				}
				if p, is := r.(*kmsg.ProduceRequest); is {
					p.Acks, p.TransactionID = -1, nil
				}
				r.SetVersion(version)
				correlation++
				body, err := exchange(conn, r, correlation)
				if err != nil {
					t.Fatalf("%s v%d, filled %t: %v", key.Name(), version, filled, err)
				}
				answer := r.ResponseKind()
				if err := answer.ReadFrom(body); err != nil || !bytes.Equal(answer.AppendTo(nil), body) {
					t.Errorf("%s v%d, filled %t: the answer % x is none of that version: %v", key.Name(), version, filled, body, err)
				}
			}
		}
	}
	t.Logf("%d requests", correlation)
}

// fill gives every array of a request an element and every string a text.
func fill(v reflect.Value, text string) {
	switch v.Kind() {
	case reflect.String:
		v.SetString(text)
	case reflect.Struct:
		for i := range v.NumField() {
			if v.Field(i).CanSet() && v.Type().Field(i).Name != "UnknownTags" {
				fill(v.Field(i), text)
			}
		}
	case reflect.Slice:
		if v.Type().Elem().Kind() != reflect.Uint8 {
			v.Set(reflect.MakeSlice(v.Type(), 1, 1))
			fill(v.Index(0), text)
		}
	}
}

// exchange sends a request and returns the body of the answer.
func exchange(conn net.Conn, r kmsg.Request, correlation int32) ([]byte, error) {
	if _, err := conn.Write(kmsg.NewRequestFormatter(kmsg.FormatterClientID("every")).AppendRequest(nil, r, correlation)); err != nil {
		return nil, err
	}
	head := make([]byte, 8)
	if r.ResponseKind().IsFlexible() && kmsg.Key(r.Key()) != kmsg.ApiVersions {
		head = append(head, 0) // no tags
	}
	want := binary.BigEndian.AppendUint32(nil, uint32(correlation))
	want = append(want, head[8:]...)
	if _, err := io.ReadFull(conn, head); err != nil {
		return nil, err
	}
	if !bytes.Equal(head[4:], want) {
		return nil, &net.ParseError{Type: "header of an answer", Text: string(head[4:])}
	}
	body := make([]byte, int(binary.BigEndian.Uint32(head))+4-len(head))
	_, err := io.ReadFull(conn, body)
	return body, err
}
