// Package mqtt is devices that publish over MQTT, cheap enough not to be what is
// measured: packets made beforehand, many in one write, acknowledgements counted
// as they come.
package mqtt
