// Package clients runs unchanged Kafka clients of many languages against a cluster: what users run,
// in the versions they install, without a word of ours between them and the broker.
//
// Every client keeps the same contract (see contract_test.go). The tests are behind the build tag
// clients, because they download what they run, once, into .task/clients; `task e2e:clients` runs
// them. A tool that the machine lacks fails the test that needs it, and the failure says what to
// install. One client alone: go test -tags clients -run TestClients/kcat ./e2e/clients
package clients
