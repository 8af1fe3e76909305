// Package mqtt takes messages over MQTT: an embedded broker, and clients of
// external ones. A message of QoS 1 or 2 is acknowledged to its sender when what
// it says is on disk. Topic patterns choose the decoder and supply labels.
//
// The broker is github.com/mochi-mqtt/server. It sees to connections, sessions,
// subscriptions, wills and retained messages. What clients publish does not go
// through its read loop, in which it acknowledges one message after the other,
// but is taken out in front of it: see conn.
package mqtt
