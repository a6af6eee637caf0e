package remote

import (
	"context"
	"errors"
	"io"
	"log/slog"
	"net"
	"testing"
	"time"

	"google.golang.org/grpc"
)

// A node that comes back under its name with another address is found by the next attempt: every
// one looks the name up, where gRPC's own resolver would use what it found for 30 seconds.
func TestEveryDialLooksTheNameUp(t *testing.T) {
	c, err := config("127.0.0.1:0", "h:1", slog.New(slog.NewTextHandler(io.Discard, nil)), newDials())
	if err != nil {
		t.Fatal(err)
	}
	dialled := make(chan string, 16)
	conn, err := grpc.NewClient("no.such.host.invalid:7", append(c.DialOptions,
		grpc.WithContextDialer(func(_ context.Context, address string) (net.Conn, error) {
			select {
			case dialled <- address:
			default:
			}
			return nil, errors.New("not there")
		}))...)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	for range 3 {
		conn.Connect()
		select {
		case address := <-dialled:
			if address != "no.such.host.invalid:7" {
				t.Fatalf("the dialer was given %q, not the name", address)
			}
		case <-time.After(20 * time.Second):
			t.Fatal("not dialled: the name was resolved before")
		}
	}
}

// An IPv6 address is listened on as it was written.
func TestIPv6IsListenedOn(t *testing.T) {
	for listen, want := range map[string]string{"[::1]:7": "[::1]:7", "[fe80::1%lo]:7": "[fe80::1%lo]:7", "127.0.0.1:7": "127.0.0.1:7", ":7": ":7"} {
		c, err := config(listen, "h:1", slog.Default(), newDials())
		if err != nil || c.Address() != want {
			t.Errorf("%s is listened on as %v, %v", listen, c, err)
		}
	}
}
