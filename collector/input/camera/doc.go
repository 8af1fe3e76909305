// Package camera makes events, and the series camera_event_confidence and
// camera_up, out of what cameras and AI boxes send: Hikvision's
// EventNotificationAlert, Frigate's messages over MQTT, and JSON of any other.
// What a vendor calls a thing is mapped to the kinds in kinds.yaml. Number
// plates never get into anything that it makes.
package camera
