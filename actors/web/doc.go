// Package web is what a node says over HTTP, to people, load balancers, Prometheus, tests and the
// command line: /metrics, /healthz, /readyz, /statusz, /admin, /log/level and /debug.
//
// Handler makes the endpoints of one Node and keeps nothing of them in the process: several nodes
// in one process each have their own. A Server listens for them. What an endpoint takes from whom
// is decided in one place:
//
//   - what only looks at the cluster is answered to everybody who reaches the address;
//   - what costs something, or shows what the process holds, only to programs on this machine
//     (local.go: by address, Host, Origin and Sec-Fetch-Site);
//   - what changes something besides at a bounded rate, and with the token if one is configured
//     (guard.go).
//
// Start reading in web.go; admin.go has what `troupe cluster` and `troupe topic` ask for.
package web
