package remote

import (
	"context"

	"google.golang.org/grpc"
)

func (g guard) stream(srv any, s grpc.ServerStream, _ *grpc.StreamServerInfo, next grpc.StreamHandler) (err error) {
	defer func() {
		if cause := recover(); cause != nil {
			err = g.recovered(cause)
		}
	}()
	return next(srv, s)
}

func (g guard) unary(ctx context.Context, req any, _ *grpc.UnaryServerInfo, next grpc.UnaryHandler) (_ any, err error) {
	defer func() {
		if cause := recover(); cause != nil {
			err = g.recovered(cause)
		}
	}()
	return next(ctx, req)
}
