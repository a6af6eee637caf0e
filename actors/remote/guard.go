package remote

import (
	"context"
	"log/slog"
	"runtime/debug"

	"github.com/asynkron/protoactor-go/remote"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	grpcpeer "google.golang.org/grpc/peer"
	"google.golang.org/grpc/status"
)

// guard lets nothing of a peer through to protoactor but frames for the link. Protoactor panics
// over indexes out of range, and would let any peer stop or start any actor.
type guard struct{ log *slog.Logger }

func (g guard) stream(srv any, s grpc.ServerStream, _ *grpc.StreamServerInfo, next grpc.StreamHandler) (err error) {
	defer func() {
		if cause := recover(); cause != nil {
			g.log.Error("what a peer sent could not be handled; its stream is closed",
				"address", from(s.Context()), "cause", cause, "stack", string(debug.Stack()))
			err = status.Errorf(codes.InvalidArgument, "malformed message: %v", cause)
		}
	}()
	return next(srv, guarded{s, g})
}

// unary refuses: the links stream.
func (g guard) unary(ctx context.Context, _ any, info *grpc.UnaryServerInfo, _ grpc.UnaryHandler) (any, error) {
	g.log.Warn("a call that no node makes was refused", "address", from(ctx), "method", info.FullMethod)
	return nil, status.Error(codes.Unimplemented, "not offered")
}

// guarded is a peer's stream.
type guarded struct {
	grpc.ServerStream
	guard guard
}

// RecvMsg implements grpc.ServerStream.
func (s guarded) RecvMsg(m any) error {
	if err := s.ServerStream.RecvMsg(m); err != nil {
		return err
	}
	received, ok := m.(*remote.RemoteMessage)
	if !ok {
		return nil
	}
	batch := received.GetMessageBatch()
	if batch == nil {
		return nil
	}
	frames := batch.Envelopes[:0]
	for _, e := range batch.Envelopes {
		if isFrame(batch, e) {
			frames = append(frames, e)
		}
	}
	if foreign := len(batch.Envelopes) - len(frames); foreign > 0 {
		s.guard.log.Warn("messages that no node sends were dropped", "address", from(s.Context()), "messages", foreign)
	}
	batch.Envelopes = frames
	return nil
}

func isFrame(b *remote.MessageBatch, e *remote.MessageEnvelope) bool {
	return e != nil && e.SerializerId == 0 && e.Sender == 0 && e.MessageHeader == nil &&
		uint(e.TypeId) < uint(len(b.TypeNames)) && b.TypeNames[e.TypeId] == messageName &&
		uint(e.Target) < uint(len(b.Targets)) && b.Targets[e.Target] == linkName
}

func from(ctx context.Context) string {
	if p, ok := grpcpeer.FromContext(ctx); ok {
		return p.Addr.String()
	}
	return "unknown"
}
