package api

import "github.com/twmb/franz-go/pkg/kmsg"

// What may be done to a resource, as clients are told when they ask for it (KIP-430): bit n stands
// for the ACL operation n. Without an authorizer everybody may do all that the kind of resource
// knows, as in Kafka's AclEntry.supportedOperations.
var (
	topicOperations = operations(kmsg.ACLOperationRead, kmsg.ACLOperationWrite, kmsg.ACLOperationCreate, kmsg.ACLOperationDelete,
		kmsg.ACLOperationAlter, kmsg.ACLOperationDescribe, kmsg.ACLOperationDescribeConfigs, kmsg.ACLOperationAlterConfigs)
	clusterOperations = operations(kmsg.ACLOperationCreate, kmsg.ACLOperationAlter, kmsg.ACLOperationDescribe,
		kmsg.ACLOperationClusterAction, kmsg.ACLOperationDescribeConfigs, kmsg.ACLOperationAlterConfigs, kmsg.ACLOperationIdempotentWrite)
	groupOperations = operations(kmsg.ACLOperationRead, kmsg.ACLOperationDelete, kmsg.ACLOperationDescribe,
		kmsg.ACLOperationDescribeConfigs, kmsg.ACLOperationAlterConfigs)
)

func operations(all ...kmsg.ACLOperation) (bits int32) {
	for _, o := range all {
		bits |= 1 << o
	}
	return bits
}

// operationsIf returns the bits if the client asked for them.
func operationsIf(asked bool, bits int32) int32 {
	if asked {
		return bits
	}
	return noOperations
}
