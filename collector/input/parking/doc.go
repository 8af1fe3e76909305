// Package parking turns what bay sensors, handhelds and car parks send into
// readings: the state of bays and the counters of car parks, as JSON of many
// makers, as places of the Alliance for Parking Data Standards, as CSV, and as
// entities of FIWARE.
package parking
