package chaos

import "github.com/troupe-mq/troupe/e2e/operations"

// Operations are n operations on the cluster that the plan is for.
func (p Plan) Operations(number, n int) []operations.Operation {
	c := operations.Cluster{Partitions: loaded, Replicas: replicas}
	for i := range p.Nodes {
		c.Members = append(c.Members, i+1)
	}
	return operations.Plan(p.random(number), c, n, operations.OnProcesses())
}
