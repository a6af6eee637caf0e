package remote

import (
	"context"
	"fmt"
	"log/slog"
	"net"
	"runtime"
	"syscall"
	"testing"
	"time"

	"go.etcd.io/raft/v3/raftpb"
	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/protobuf/types/known/wrapperspb"

	"github.com/troupe-mq/troupe/raft/metadata"
	"github.com/troupe-mq/troupe/storage"
)

// sizes are of the entries that the benchmarks carry.
var sizes = []int{1 << 10, 16 << 10, 128 << 10, 1 << 20}

// underWay bounds the bytes that the benchmarks have under way, in both forms.
const underWay = 8 << 20

// BenchmarkLink carries appends of one entry each from one node's links to another's, in one
// process: ns, bytes allocated and allocations of both ends.
func BenchmarkLink(b *testing.B) {
	arrived := make(chan int, 1<<16)
	links := twoNodes(b, counting{arrived: arrived})
	for _, size := range sizes {
		b.Run(fmt.Sprintf("%dKiB", size>>10), func(b *testing.B) {
			m := Raft{Shard: 7, Message: &raftpb.Message{
				Type: raftpb.MsgApp.Enum(), From: new(uint64(1)), To: new(uint64(2)), Term: new(uint64(3)), LogTerm: new(uint64(3)), Index: new(uint64(9)), Commit: new(uint64(9)),
				Entries: []*raftpb.Entry{{Term: new(uint64(3)), Index: new(uint64(10)), Data: make([]byte, size)}},
			}}
			flow(b, size, arrived, func() { links.Send(2, m) })
		})
	}
}

// BenchmarkPlainGRPC carries the same bytes over a stream of plain gRPC, with the options of the
// links, in a message with one field of bytes.
func BenchmarkPlainGRPC(b *testing.B) {
	arrived := make(chan int, 1<<16)
	stream := plainStream(b, arrived)
	for _, size := range sizes {
		b.Run(fmt.Sprintf("%dKiB", size>>10), func(b *testing.B) {
			m := wrapperspb.Bytes(make([]byte, size))
			flow(b, size, arrived, func() {
				if err := stream.SendMsg(m); err != nil {
					b.Fatal(err)
				}
			})
		})
	}
}

// flow sends as often as the benchmark asks, with so much under way, and waits until all has
// arrived. It also tells the processor time: on a machine with other work the time on the clock
// says little.
func flow(b *testing.B, size int, arrived <-chan int, send func()) {
	b.SetBytes(int64(size))
	b.ReportAllocs()
	most := min(max(underWay/size, 2), 1024)
	sent, got := 0, 0
	await := func(n int) {
		for got < n {
			select {
			case k := <-arrived:
				got += k
			case <-time.After(5 * time.Second):
				b.Skipf("%d of %d arrived: the link was lost, the machine has too much to do", got, sent)
			}
		}
	}
	before := processor()
	b.ResetTimer() // not b.Loop, whose time ends before the last has arrived
	for range b.N {
		send()
		sent++
		await(sent - most)
	}
	await(sent)
	b.ReportMetric(float64(processor()-before)/float64(sent), "cpu-ns/op")
}

// processor is the processor time that the process has used.
func processor() time.Duration {
	var u syscall.Rusage
	if syscall.Getrusage(syscall.RUSAGE_SELF, &u) != nil {
		return 0
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

// counting is a receiver that counts raft messages.
type counting struct{ arrived chan<- int }

func (c counting) Raft(_ metadata.NodeID, messages []Raft) { c.arrived <- len(messages) }
func (counting) Ask(_ metadata.NodeID, _ string, _ []byte, reply func([]byte, error)) {
	reply(nil, nil)
}
func (counting) Told(metadata.NodeID, string, []byte) {}
func (counting) Linked(metadata.NodeID, bool)         {}
func (counting) Unreachable(storage.ShardID, storage.ReplicaID) {
	panic("the benchmark sent more than the window takes")
}

// twoNodes links two nodes of this process and returns the links of the first; the second hears
// with the receiver.
func twoNodes(b *testing.B, second Receiver) Links {
	addresses := []Address{{free(b), free(b)}, {free(b), free(b)}}
	var nodes []*Remotes
	for i, a := range addresses {
		r, err := New(Options{Self: metadata.NodeID(i + 1), Incarnation: 1, Listen: a, Advertised: a, Logger: slog.New(slog.DiscardHandler)})
		if err != nil {
			b.Fatal(err)
		}
		var receiver Receiver = counting{}
		if i == 1 {
			receiver = second
		}
		if err := r.Start(receiver); err != nil {
			b.Fatal(err)
		}
		b.Cleanup(r.Stop)
		r.SetPeer(metadata.NodeID(2-i), addresses[1-i])
		nodes = append(nodes, r)
	}
	for late := time.Now().Add(30 * time.Second); !nodes[0].Up(2) || !nodes[1].Up(1); runtime.Gosched() {
		if time.Now().After(late) {
			b.Fatal("the nodes are not linked")
		}
	}
	return nodes[0]
}

func free(b *testing.B) string {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		b.Fatal(err)
	}
	defer l.Close()
	return l.Addr().String()
}

// plainStream opens a stream to a server of this process that counts messages.
func plainStream(b *testing.B, arrived chan<- int) grpc.ClientStream {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		b.Fatal(err)
	}
	streaming := grpc.StreamDesc{StreamName: "Carry", ClientStreams: true, ServerStreams: true, Handler: func(_ any, s grpc.ServerStream) error {
		for {
			m := &wrapperspb.BytesValue{}
			if err := s.RecvMsg(m); err != nil {
				return nil
			}
			arrived <- 1
		}
	}}
	server := grpc.NewServer(serverSizes()...)
	server.RegisterService(&grpc.ServiceDesc{ServiceName: "bench.Plain", HandlerType: (*any)(nil), Streams: []grpc.StreamDesc{streaming}}, nil)
	go server.Serve(l)
	b.Cleanup(server.Stop)
	cc, err := grpc.NewClient(l.Addr().String(), append(clientSizes(), grpc.WithTransportCredentials(insecure.NewCredentials()))...)
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { cc.Close() })
	stream, err := cc.NewStream(context.Background(), &streaming, "/bench.Plain/Carry", grpc.WaitForReady(true))
	if err != nil {
		b.Fatal(err)
	}
	return stream
}
