package config

import (
	"fmt"
	"net/url"
	"strings"

	"go.yaml.in/yaml/v3"
)

// shownInputs is what the file says of the inputs, without secrets, unless it
// says the defaults.
func (c *Config) shownInputs() *yaml.Node {
	if fmt.Sprint(c.Inputs) == fmt.Sprint(defaultInputs()) { // which takes nil and empty for the same
		return mapping()
	}
	var doc yaml.Node
	if err := yaml.Unmarshal(c.inputsInFile, &doc); err != nil || len(doc.Content) == 0 {
		return mapping()
	}
	hideSecrets(doc.Content[0])
	return doc.Content[0]
}

// hideSecrets replaces what is behind a key that names a secret, and passwords
// in addresses.
func hideSecrets(n *yaml.Node) {
	for i, child := range n.Content {
		switch {
		case n.Kind == yaml.MappingNode && i%2 == 1 && namesSecret(n.Content[i-1].Value):
			n.Content[i] = &yaml.Node{Kind: yaml.ScalarNode, Value: secret}
		case child.Kind == yaml.ScalarNode && strings.Contains(child.Value, "@"):
			if u, err := url.Parse(child.Value); err == nil && u.User != nil {
				child.SetString(u.Redacted())
			}
		default:
			hideSecrets(child)
		}
	}
}

func namesSecret(key string) bool {
	key = strings.ToLower(key)
	if strings.HasSuffix(key, "_file") || strings.HasSuffix(key, "_env") {
		return false
	}
	for _, word := range []string{"password", "secret", "credentials", "token", "headers"} {
		if strings.Contains(key, word) {
			return true
		}
	}
	return false
}
