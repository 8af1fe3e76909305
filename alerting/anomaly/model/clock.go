package model

import "time"

// wall is what the clocks of a zone show at an instant, in milliseconds as if they were those of UTC. They are put
// forward and back.
func wall(t int64, zone *time.Location) int64 {
	if zone == nil {
		return t
	}
	_, ahead := time.UnixMilli(t).In(zone).Zone()
	return t + int64(ahead)*milliSecond
}

const milliSecond = 1000

// Clock tells apart zones whose clocks show different times, such as "+01:00 +02:00" of Berlin and Paris: how far they are
// ahead of UTC in January and in July. A zone's name says less, as the machine's own is always called Local.
func Clock(zone *time.Location) string {
	if zone == nil {
		zone = time.UTC
	}
	const year, ahead = 2025, "-07:00"
	return time.Date(year, time.January, 1, 0, 0, 0, 0, zone).Format(ahead) + " " + time.Date(year, time.July, 1, 0, 0, 0, 0, zone).Format(ahead)
}
