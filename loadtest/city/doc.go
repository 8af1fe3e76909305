// Package city simulates a district: what stands where, what it reports at any
// instant, and the faults that befall it, which are the ground truth against
// which pages can be judged.
//
// Readings are a pure function of seed, stream and time. Any instant can be
// asked for in any order, two cities with the same options say the same, and
// nothing has to be kept between readings.
//
// The model is Yuzhong, Chongqing: car parks with geomagnetic bay sensors,
// sensors on bridges, in tunnels, on roads and water mains, gas monitors in
// wells and septic tanks, and cameras. The mix Whole has all else that a city
// watches.
package city
