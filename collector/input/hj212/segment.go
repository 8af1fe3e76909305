package hj212

import "bytes"

// segment is a data segment, taken apart (HJ 212-2017, table 3). Its slices
// share the segment's memory.
type segment struct {
	qn, st, pw, mn []byte
	cn             int // 0: none, or no number
	flag           int
	pnum, pno      int
	cp             []byte // what is between && and &&
}

// Bits of Flag; the six above them are the version of the standard.
const (
	flagAnswer  = 1 << 0 // A: the sender wants an answer
	flagParts   = 1 << 1 // D: there are PNUM and PNO
	flagVersion = 0xFC
)

// parseSegment never fails: what is not there is empty. Of devices that have
// commas where the standard has semicolons, as one of its own examples, it
// takes both.
func parseSegment(data []byte) (s segment) {
	head := data
	if at := bytes.Index(data, []byte("CP=")); at >= 0 {
		head = data[:at]
		s.cp = bytes.TrimPrefix(data[at+3:], []byte("&&"))
		s.cp = bytes.TrimSuffix(bytes.TrimRight(s.cp, " \r\n"), []byte("&&"))
	}
	for len(head) > 0 {
		var item []byte
		if at := bytes.IndexAny(head, ";,"); at >= 0 {
			item, head = head[:at], head[at+1:]
		} else {
			item, head = head, nil
		}
		key, value, _ := bytes.Cut(item, []byte("="))
		value = bytes.TrimSpace(value)
		switch string(bytes.TrimSpace(key)) {
		case "QN":
			s.qn = value
		case "ST":
			s.st = value
		case "CN":
			s.cn = small(value)
		case "PW":
			s.pw = value
		case "MN":
			s.mn = value
		case "Flag":
			if s.flag = small(value); s.flag > 255 {
				s.flag = 0
			}
		case "PNUM":
			s.pnum = small(value)
		case "PNO":
			s.pno = small(value)
		}
	}
	return s
}

// small is a number of at most four digits, else 0.
func small(digits []byte) int {
	if n, ok := decimal(digits); ok && len(digits) <= 4 {
		return n
	}
	return 0
}

// isPart says whether the segment is one part of several. Devices that count
// parts say so by PNUM, whatever their Flag says.
func (s *segment) isPart() bool { return s.pnum > 1 && s.pno >= 1 && s.pno <= s.pnum }

// wantsAnswer says whether the sender waits for an answer.
func (s *segment) wantsAnswer() bool { return s.flag&flagAnswer != 0 }

// Commands (HJ 212-2017, table 9).
const (
	cnAskTime     = 1013 // asks to be told the time
	cnSetTime     = 1012
	cnReadings    = 2011
	cnState       = 2021
	cnDay         = 2031
	cnRunning     = 2041
	cnMinute      = 2051
	cnHour        = 2061
	cnRestart     = 2081
	cnSampleKept  = 3015
	cnSerial      = 3019
	cnInformation = 3020
	cnAccepted    = 9011
	cnNotified    = 9013
	cnStored      = 9014
	// cnHeartbeat is reserved in 2017, and the heartbeat in HJ 212-2025 and in
	// what many devices did before.
	cnHeartbeat = 9015
	// cnLogin and cnLoggedIn are in no standard, and in many devices.
	cnLogin    = 9021
	cnLoggedIn = 9022
)

// carriesData says whether a command has something to be stored.
func carriesData(cn int) bool {
	switch cn {
	case cnReadings, cnState, cnDay, cnRunning, cnMinute, cnHour, cnRestart, cnSampleKept, cnSerial, cnInformation, cnHeartbeat:
		return true
	}
	return false
}

// period is the label of what a command reports about a stretch of time.
func period(cn int) string {
	switch cn {
	case cnMinute:
		return "minute"
	case cnHour:
		return "hour"
	case cnDay, cnRunning:
		return "day"
	}
	return ""
}
