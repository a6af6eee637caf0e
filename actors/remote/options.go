package remote

import (
	"fmt"
	"log/slog"
	"net"
	"strconv"
	"strings"
	"time"

	"github.com/asynkron/protoactor-go/remote"
	"google.golang.org/grpc"
	"google.golang.org/grpc/backoff"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/experimental"
	"google.golang.org/grpc/keepalive"

	"github.com/troupe-mq/troupe/raft/metadata"
)

// Options are what the links of a node are made with.
type Options struct {
	Self        metadata.NodeID
	Incarnation uint64
	Listen      Address // where to listen, host:port; port 0 takes one that is free
	Advertised  Address // where the peers find it; empty, or with port 0: where it listens
	Logger      *slog.Logger
	// Fatal is called when the links are broken beyond repair. Where it returns they are to be
	// stopped. By default it logs.
	Fatal func(error)
	// when the node's periods began: the links look after their peers when the node is awake anyway;
	// the links' own begin by default
	Origin time.Time
	// most bytes under way to one peer on the bulk lane, 64 MiB by default; a quarter of it on the
	// control lane
	Window int
}

const (
	// no message of protoactor's may be larger: window and the largest entry fit
	maxMessage   = 256 << 20
	writerBatch  = 8                      // frames that protoactor may put into one message
	frameTarget  = 256 << 10              // a frame is sent once it is this large
	largeMessage = 32 << 10               // a message of this size has a frame for itself
	pingEvery    = 200 * time.Millisecond // between two pings
	// a peer that was heard of since then is not asked for a sign of life
	quietFor     = 500 * time.Millisecond
	silentFor    = 1500 * time.Millisecond
	probeEvery   = 10 * time.Second // between two pings to a peer without a connection
	dialAttempt  = time.Second
	dialMaxDelay = 150 * time.Millisecond
)

// config is protoactor's configuration for one lane: its defaults lose data without a word (limits
// by count, none by bytes, slow and leaking reconnects), so every one that matters is set.
func config(listen, advertised string, log *slog.Logger, dials *dials) (*remote.Config, error) {
	host, port, err := net.SplitHostPort(listen)
	if err != nil {
		return nil, fmt.Errorf("listen address %q: %w", listen, err)
	}
	number, err := strconv.Atoi(port)
	if err != nil {
		return nil, fmt.Errorf("listen address %q: %w", listen, err)
	}
	if number == 0 {
		advertised = "" // protoactor then tells where it listens
	}
	if strings.Contains(host, ":") {
		host = "[" + host + "]" // protoactor joins host and port with a colon
	}
	dial := []grpc.DialOption{
		grpc.WithTransportCredentials(insecure.NewCredentials()), grpc.WithResolvers(byName{}),
		grpc.WithStreamInterceptor(dials.note),
		grpc.WithConnectParams(grpc.ConnectParams{MinConnectTimeout: dialAttempt, Backoff: backoff.Config{
			BaseDelay: 20 * time.Millisecond, Multiplier: 1.6, Jitter: 0.2, MaxDelay: dialMaxDelay,
		}}),
		grpc.WithKeepaliveParams(keepalive.ClientParameters{Time: 10 * time.Second, Timeout: 3 * time.Second}),
	}
	dial = append(dial, clientSizes()...)
	guard := guard{log}
	serve := []grpc.ServerOption{
		grpc.ForceServerCodecV2(theCodec), grpc.ChainStreamInterceptor(guard.stream), grpc.ChainUnaryInterceptor(guard.unary),
		grpc.WaitForHandlers(true), // Stop does
		grpc.KeepaliveEnforcementPolicy(keepalive.EnforcementPolicy{MinTime: 5 * time.Second, PermitWithoutStream: true}),
	}
	serve = append(serve, serverSizes()...)
	return remote.Configure(host, number,
		remote.WithAdvertisedHost(advertised),
		remote.WithDialOptions(dial...),
		remote.WithServerOptions(serve...),
		remote.WithCallOptions(grpc.WaitForReady(true), grpc.ForceCodecV2(theCodec)),
		remote.WithEndpointWriterBatchSize(writerBatch),
		remote.WithEndpointWriterQueueSize(1024),
		remote.WithEndpointManagerBatchSize(64),
		remote.WithEndpointManagerQueueSize(1024),
		func(c *remote.Config) { c.MaxRetryCount = 1 },
	), nil
}

// clientSizes are windows and buffers of the side that sends.
func clientSizes() []grpc.DialOption {
	return []grpc.DialOption{
		grpc.WithInitialWindowSize(8 << 20), grpc.WithInitialConnWindowSize(16 << 20),
		grpc.WithWriteBufferSize(256 << 10), grpc.WithReadBufferSize(256 << 10), experimental.WithBufferPool(theBuffers),
		grpc.WithDefaultCallOptions(grpc.MaxCallSendMsgSize(maxMessage), grpc.MaxCallRecvMsgSize(maxMessage)),
	}
}

// serverSizes are those of the side that receives.
func serverSizes() []grpc.ServerOption {
	return []grpc.ServerOption{
		grpc.MaxRecvMsgSize(maxMessage), grpc.MaxSendMsgSize(maxMessage),
		grpc.InitialWindowSize(8 << 20), grpc.InitialConnWindowSize(16 << 20),
		grpc.ReadBufferSize(256 << 10), grpc.WriteBufferSize(64 << 10), experimental.BufferPool(theBuffers),
	}
}
