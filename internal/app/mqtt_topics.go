package app

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/belfry-city/belfry/collector/input"
	"github.com/belfry-city/belfry/collector/input/mqtt"
	"github.com/belfry-city/belfry/internal/config"
	"github.com/belfry-city/belfry/internal/config/strict"
)

// mqttTopics are the patterns of a configuration.
type mqttTopics struct {
	broker  mqtt.Topics
	clients map[string]mqtt.Topics
}

// readMQTT checks the patterns, and finds their decoders.
func readMQTT(c *config.Config, known decoders) (mqttTopics, error) {
	m := c.Inputs.MQTT
	t := mqttTopics{clients: map[string]mqtt.Topics{}}
	var problems strict.Problems
	read := func(of []config.MQTTTopic) (topics mqtt.Topics) {
		for _, topic := range of {
			read := mqtt.Topic{}
			if topic.Match != "" && topic.Decoder != "" { // else that has been said
				var err error
				if read, err = readTopic(topic, known); err != nil {
					problems = append(problems, topic.Problem(c.File, "."+err.Error()))
				}
			}
			topics = append(topics, read)
		}
		return topics
	}
	t.broker = read(m.Topics)
	for _, client := range m.Clients {
		t.clients[client.Name] = t.broker
		if client.Topics != nil {
			t.clients[client.Name] = read(client.Topics)
		}
		if len(t.clients[client.Name]) == 0 {
			problems = append(problems, client.Problem(c.File, fmt.Sprintf(": want topics, its own or those of inputs.mqtt; %s has none", client.Name)))
		}
	}
	if len(problems) > 0 {
		return t, problems
	}
	return t, nil
}

func readTopic(t config.MQTTTopic, known decoders) (mqtt.Topic, error) {
	pattern, err := mqtt.ParsePattern(t.Match)
	if err != nil {
		return mqtt.Topic{}, fmt.Errorf("match: want a topic such as city/+district/+asset/reading: %w", err)
	}
	decoder, ok := known[t.Decoder]
	if !ok {
		names := slices.Sorted(maps.Keys(known))
		if near := strict.Nearest(t.Decoder, names); near != "" {
			return mqtt.Topic{}, fmt.Errorf("decoder: there is no %q; did you mean %q?", t.Decoder, near)
		}
		return mqtt.Topic{}, fmt.Errorf("decoder: there is no %q; there are %s", t.Decoder, strings.Join(names, ", "))
	}
	topic := mqtt.Topic{Pattern: pattern, Decoder: decoder}
	for _, name := range slices.Sorted(maps.Keys(t.Labels)) {
		if slices.Contains(pattern.Labels(), name) {
			return mqtt.Topic{}, fmt.Errorf("labels: want %s either here or in match; it is in both", name)
		}
		topic.Labels = append(topic.Labels, input.Label{Name: name, Value: t.Labels[name]})
	}
	return topic, nil
}

// checkTopics is readMQTT where mappings may have been refused; known is empty
// where other decoders were.
func checkTopics(c *config.Config, known decoders) error {
	if len(known) == 0 {
		return nil
	}
	all := maps.Clone(known)
	for _, m := range c.Inputs.JSON {
		if name := "json/" + m.Name; all[name] == nil {
			all[name] = nil
		}
	}
	_, err := readMQTT(c, all)
	return err
}

// checkMQTT looks at the files that clients of external brokers need.
func checkMQTT(c *config.Config) error {
	var problems strict.Problems
	for _, client := range c.Inputs.MQTT.Clients {
		if !client.Secure() {
			continue
		}
		if _, err := clientTLS(client.TLS); err != nil {
			problems = append(problems, client.Problem(c.File, ".tls: "+err.Error()))
		}
	}
	if len(problems) > 0 {
		return problems
	}
	return nil
}

// Route is what becomes of messages on a topic.
type Route struct {
	config.MQTTTopic // the pattern that matches
	Labels           []input.Label
}

// RouteOf finds the pattern of a topic: one of inputs.mqtt.topics, or else of a
// client's own. some is false where there are no patterns.
func RouteOf(c *config.Config, topic string) (r Route, found, some bool) {
	all := slices.Clone(c.Inputs.MQTT.Topics)
	for _, client := range c.Inputs.MQTT.Clients {
		all = append(all, client.Topics...)
	}
	for _, t := range all {
		pattern, err := mqtt.ParsePattern(t.Match)
		if err != nil {
			continue
		}
		labels, matches := pattern.Match(topic, nil)
		if !matches {
			continue
		}
		for _, name := range slices.Sorted(maps.Keys(t.Labels)) {
			labels = append(labels, input.Label{Name: name, Value: t.Labels[name]})
		}
		return Route{MQTTTopic: t, Labels: labels}, true, true
	}
	return Route{}, false, len(all) > 0
}
