// Package hazard makes every alert a hazard: something in the city that has an
// id, a place, a team, and a history from its first reading to its end.
//
// A Store stands between whoever raises alerts and the pager: alerts come by
// Send, and go on to the next Sender with the id of their hazard and a link to
// it as annotations. By then the hazard is on disk, in SQLite, so that whoever
// has a page can look it up also when Belfry was killed at that moment. But pages
// go first: what the disk does not take within some milliseconds is kept in
// memory and written when it does, and the pages leave.
//
// An alert is known again by its labels. One that returns within Options.Reopen
// opens its hazard again, so that what flaps is one hazard; later it is a new
// one. A hazard ends when its alert does, or when nothing has been heard of the
// alert for as long as its sender said it holds, as when its rule is gone.
//
// Each change is an event with a number that only grows, also over restarts and
// over a database that is lost. Followers read events from their own place in
// that order, so they miss none and get none twice.
//
// What people do about a hazard (acknowledge, send somebody, close) has its place
// in lifecycle.go: it takes new kinds of events, by somebody, and may take new
// statuses.
package hazard
