// Package hj212 is devices that speak HJ 212-2017, written from the standard's
// text and sharing nothing with the server: one device with which tests talk by
// hand, and a fleet of thousands that reports at an interval.
package hj212
