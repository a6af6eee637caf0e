// Package troupetest gives a Go test a cluster of its own, inside the test's process: real brokers,
// real replication, real elections; no container, no fixed port, no global.
//
//	c := troupetest.Start(t, troupetest.Nodes(3), troupetest.Topic("orders", 6))
//	client := c.Client(kgo.ConsumeTopics("orders"))
//	c.Kill(2)
//	… what was acknowledged is still there …
//	c.Restart(2)
//
// Clients of any kind connect to Addresses. The brokers reach each other inside the process and
// keep their data in memory, unless OnDisk says otherwise; they begin with the settings of
// production but for those that only make tests slow (see settings). Everything ends with the test,
// and leaves no goroutine, file or port behind; a test that fails has the last lines of each
// broker's log in its own.
package troupetest
