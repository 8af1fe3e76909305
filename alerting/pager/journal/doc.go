// Package journal keeps a state that merges on disk: Alertmanager's silences and its notification log, and what is owed.
//
// Upstream writes such a state every fifteen minutes and when it stops, and tells its peers of each change in
// between. A Journal stands where a peer would stand: it takes each change, appends it to a file and syncs it, so
// that Sync can say when a change is on disk. At the start it merges snapshot and journal back into the state, as
// a peer would. Now and then it writes the state's own snapshot and starts an empty journal.
//
// Files, for a state named silences: the snapshot `silences`, which is Alertmanager's own format and name, and
// segments `silences.00000001.journal`. A segment is an eight byte magic and then records: length and CRC-32C of
// the payload (four bytes each, little endian) and the payload, which is upstream's own gossip message. Segments
// are filled with zeros ahead of the records, so that a change for which room was reserved does not meet a full
// disk; a length of zero is therefore the end.
package journal
