package remote

import (
	"google.golang.org/protobuf/reflect/protodesc"
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/reflect/protoregistry"
	"google.golang.org/protobuf/runtime/protoiface"
	"google.golang.org/protobuf/types/descriptorpb"
)

// message is a frame as protoactor carries it: a protobuf message whose encoding is the frame
// itself. Protoactor only sends protobuf messages; one with a field of bytes would be copied once
// more at either end.
//
// The bytes must not change after the message was sent; those of one that was received are its own.
type message struct{ frame []byte }

// messageType is what protoactor finds the type of a received message by.
type messageType struct {
	descriptor protoreflect.MessageDescriptor
}

var theMessageType = register()

// messageName is the name of the type on the wire.
const messageName = "troupe.remote.Frame"

func register() messageType {
	file, err := protodesc.NewFile(&descriptorpb.FileDescriptorProto{
		Name:        new("troupe/remote/frame.proto"),
		Package:     new("troupe.remote"),
		Syntax:      new("proto3"),
		MessageType: []*descriptorpb.DescriptorProto{{Name: new("Frame")}},
	}, nil)
	if err != nil {
		panic(err)
	}
	t := messageType{file.Messages().Get(0)}
	if err := protoregistry.GlobalTypes.RegisterMessage(t); err != nil {
		panic(err)
	}
	return t
}

// New implements protoreflect.MessageType.
func (t messageType) New() protoreflect.Message { return reflected{&message{}} }

// Zero implements protoreflect.MessageType.
func (t messageType) Zero() protoreflect.Message { return reflected{} }

// Descriptor implements protoreflect.MessageType.
func (t messageType) Descriptor() protoreflect.MessageDescriptor { return t.descriptor }

// ProtoReflect implements proto.Message.
func (m *message) ProtoReflect() protoreflect.Message { return reflected{m} }

// Reset implements the optional part of proto.Message.
func (m *message) Reset() { m.frame = nil }

// reflected is a message as protobuf's runtime sees it: without fields, with methods that encode
// and decode.
type reflected struct{ m *message }

var _ protoreflect.Message = reflected{}

// Descriptor and what follows implement protoreflect.Message.
func (r reflected) Descriptor() protoreflect.MessageDescriptor { return theMessageType.descriptor }
func (r reflected) Type() protoreflect.MessageType             { return theMessageType }
func (r reflected) New() protoreflect.Message                  { return theMessageType.New() }
func (r reflected) Interface() protoreflect.ProtoMessage       { return r.m }
func (r reflected) IsValid() bool                              { return r.m != nil }

func (r reflected) Range(func(protoreflect.FieldDescriptor, protoreflect.Value) bool) {}
func (r reflected) Has(protoreflect.FieldDescriptor) bool                             { return false }
func (r reflected) Clear(protoreflect.FieldDescriptor)                                { noFields() }
func (r reflected) Get(protoreflect.FieldDescriptor) protoreflect.Value               { return noFields() }
func (r reflected) Set(protoreflect.FieldDescriptor, protoreflect.Value)              { noFields() }
func (r reflected) Mutable(protoreflect.FieldDescriptor) protoreflect.Value           { return noFields() }
func (r reflected) NewField(protoreflect.FieldDescriptor) protoreflect.Value          { return noFields() }
func (r reflected) GetUnknown() protoreflect.RawFields                                { return nil }
func (r reflected) SetUnknown(protoreflect.RawFields)                                 {}

func (r reflected) WhichOneof(protoreflect.OneofDescriptor) protoreflect.FieldDescriptor {
	noFields()
	return nil
}

func noFields() protoreflect.Value { panic("remote: a frame has no fields") }

// ProtoMethods implements protoreflect.Message.
func (r reflected) ProtoMethods() *protoiface.Methods { return &methods }

var methods = protoiface.Methods{
	Marshal: func(in protoiface.MarshalInput) (protoiface.MarshalOutput, error) {
		frame := in.Message.(reflected).m.frame
		if in.Buf == nil {
			return protoiface.MarshalOutput{Buf: frame}, nil
		}
		return protoiface.MarshalOutput{Buf: append(in.Buf, frame...)}, nil
	},
	Unmarshal: func(in protoiface.UnmarshalInput) (protoiface.UnmarshalOutput, error) {
		in.Message.(reflected).m.frame = in.Buf
		return protoiface.UnmarshalOutput{Flags: protoiface.UnmarshalInitialized}, nil
	},
	CheckInitialized: func(protoiface.CheckInitializedInput) (protoiface.CheckInitializedOutput, error) {
		return protoiface.CheckInitializedOutput{}, nil
	},
}
