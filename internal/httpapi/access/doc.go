// Package access decides which HTTP requests are let in.
//
// # Tokens
//
// With tokens configured, every guarded route demands one with the route's
// scope, on loopback too: whoever has made tokens wants to tell their bearers
// apart, and other users of the same machine are strangers as well. Without
// tokens, Belfry is open on loopback and does not start beyond it. Insecure
// opens everything everywhere, and is meant for networks that keep strangers
// out by themselves.
//
// A token is taken from wherever clients of InfluxDB, Prometheus and
// Alertmanager put one: `Authorization: Token T`, `Token USER:T`, `Bearer T`,
// Basic with the token as password and any user, and on the routes of
// InfluxDB 1 the query parameter p.
//
// # Browsers
//
// A web page that somebody looks at can send requests to 127.0.0.1, and a
// rebound name can make it read the answers. Where no token stands in the way,
// therefore:
//
//   - a request whose Origin is another site is refused, whatever its method:
//     the Alertmanager API allows any site to read its answers;
//   - on loopback, a request whose Host is neither a name of this machine's
//     loopback nor the host of external_url is refused, whatever its method:
//     with a rebound name, reading is as open to the page as writing, and
//     nothing else tells such a request from an honest one.
//
// The first also holds for Basic, since browsers send remembered passwords
// along unasked. Other clients send no Origin, and the Host that they were
// given.
package access
