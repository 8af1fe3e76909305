package hj212

import (
	"bufio"
	"errors"
	"fmt"
	"net"
	"strconv"
	"strings"
	"time"
)

// CRC is computed as annex A of the standard has it, step by step.
func CRC(segment []byte) uint16 {
	register := uint16(0xFFFF)
	for _, char := range segment {
		register = register>>8 ^ uint16(char)
		for range 8 {
			check := register & 1
			register >>= 1
			if check == 1 {
				register ^= 0xA001
			}
		}
	}
	return register
}

// Frame puts a data segment into a frame.
func Frame(segment string) []byte {
	return fmt.Appendf(nil, "##%04d%s%04X\r\n", len(segment), segment, CRC([]byte(segment)))
}

// Device is a monitor.
type Device struct {
	MN, PW string
	ST     string // such as 32, surface water
}

// Clock is a time as QN has it.
func Clock(t time.Time) string {
	return strings.Replace(t.Format("20060102150405.000"), ".", "", 1)
}

// Segment is a data segment of the version of 2017; flag is its Flag, such as 5
// where an answer is wanted.
func (d Device) Segment(qn string, cn, flag int, area string) string {
	return fmt.Sprintf("QN=%s;ST=%s;CN=%d;PW=%s;MN=%s;Flag=%d;CP=&&%s&&", qn, d.ST, cn, d.PW, d.MN, flag, area)
}

// Conn is a connection to the server.
type Conn struct {
	net.Conn
	in *bufio.Reader
}

// Dial connects.
func Dial(addr string) (*Conn, error) {
	c, err := net.DialTimeout("tcp", addr, 10*time.Second)
	if err != nil {
		return nil, fmt.Errorf("connecting to the HJ 212 server: %w", err)
	}
	return NewConn(c), nil
}

// NewConn makes a Conn of a connection.
func NewConn(c net.Conn) *Conn { return &Conn{Conn: c, in: bufio.NewReaderSize(c, 512)} }

// Answer is a frame of the server, taken apart.
type Answer struct {
	Segment    string
	QN, ST, CN string
	PW, MN     string
	Flag       string
	CP         string // between && and &&
}

// Receive returns the next frame, or an error where what comes is none.
func (c *Conn) Receive(within time.Duration) (a Answer, err error) {
	if err := c.SetReadDeadline(time.Now().Add(within)); err != nil {
		return a, err
	}
	line, err := c.in.ReadString('\n')
	if err != nil {
		return a, err
	}
	body, ok := strings.CutSuffix(line, "\r\n")
	if !ok || len(body) < 10 || body[:2] != "##" {
		return a, fmt.Errorf("want a frame; got %q", line)
	}
	length, err := strconv.Atoi(body[2:6])
	if err != nil || len(body) != 6+length+4 {
		return a, fmt.Errorf("want a frame of the length that it says; got %q", line)
	}
	a.Segment = body[6 : 6+length]
	if crc := fmt.Sprintf("%04X", CRC([]byte(a.Segment))); crc != body[6+length:] {
		return a, fmt.Errorf("want the CRC %s; got %q", crc, line)
	}
	head, area, ok := strings.Cut(a.Segment, "CP=&&")
	if !ok || !strings.HasSuffix(area, "&&") {
		return a, fmt.Errorf("want a data area; got %q", line)
	}
	a.CP = strings.TrimSuffix(area, "&&")
	for _, item := range strings.Split(strings.TrimSuffix(head, ";"), ";") {
		key, value, _ := strings.Cut(item, "=")
		switch key {
		case "QN":
			a.QN = value
		case "ST":
			a.ST = value
		case "CN":
			a.CN = value
		case "PW":
			a.PW = value
		case "MN":
			a.MN = value
		case "Flag":
			a.Flag = value
		}
	}
	return a, nil
}

// ErrNotAcknowledged is what a report gets that something else was answered to.
var ErrNotAcknowledged = errors.New("not acknowledged")

// Report sends a segment and waits for its acknowledgement.
func (c *Conn) Report(segment, qn string, within time.Duration) error {
	if _, err := c.Write(Frame(segment)); err != nil {
		return err
	}
	for {
		a, err := c.Receive(within)
		if err != nil {
			return err
		}
		if a.CN != "9014" {
			return fmt.Errorf("%w: %s", ErrNotAcknowledged, a.Segment)
		}
		if a.QN == qn {
			return nil
		}
	}
}
