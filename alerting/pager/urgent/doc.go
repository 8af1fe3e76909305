// Package urgent notifies groups of critical alerts out of turn.
//
// Upstream's dispatcher flushes a group when it is made and then every group_interval, so an alert that joins a group
// waits for up to that long. A Desk stands between the dispatcher and its pipeline of stages. It is told of each alert
// that is stored, and when one joins a group that has been flushed before, it runs the same pipeline at once for all
// of the group's alerts, under the context of the dispatcher's last flush. What was sent stands in the notification
// log as always, so the dispatcher's next flush finds nothing new. Routes that are not below Options.Root are left
// alone.
//
// Of one group and receiver, a pipeline runs after the one before, or beside it when that takes long, so that an
// integration that is slow does not hold up the others of its receiver. Of one integration, one notification of a group is
// to be under way at a time: the stages see to that. One that has begun to fail, or has not begun, gives way to one that
// knows more alerts, between two attempts.
package urgent
