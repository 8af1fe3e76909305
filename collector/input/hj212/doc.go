// Package hj212 speaks HJ 212-2017, China's protocol between environmental
// monitors and those who watch them, over TCP. It takes what devices of HJ/T
// 212-2005 and, as far as frame and fields go, of HJ 212-2025 send as well.
//
// Server accepts connections, Decoder makes readings of a data segment, and
// Table says how pollutants are called. An acknowledgement (CN 9014) is sent
// when what it acknowledges is on disk.
package hj212
