// Package broker assembles a node: its telemetry, the node itself, and its endpoints over HTTP. It
// is what the command starts, and what a program starts that has brokers inside it.
//
//	b, err := broker.Start(ctx, broker.Config{Node: …, HTTP: "127.0.0.1:0"})
//	<-b.Ready()
//	… b.Addresses().Kafka[0].Advertised …
//	err = b.Stop(ctx)
//
// Several brokers fit into one process: nothing of one is kept in the package, and nothing of it is
// left when it has ended. How brokers of one process that form a cluster find each other, and where
// they keep their data, is the World they live in (world.go).
//
// A broker never ends the process. One that is broken, because a promise could not be kept (a write
// failed, an actor panicked), tells so and stops itself: Done is closed, Err says why. A process
// that must not outlive such a moment ends itself in Config.Broken.
package broker
