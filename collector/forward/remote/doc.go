// Package remote sends line protocol to a database over HTTP, either through
// InfluxDB's own client or by itself, and says of each failure what can be done
// about it. It also notices when the database has died, because one that answers
// before its data is on disk may then have lost what it had accepted last.
package remote
