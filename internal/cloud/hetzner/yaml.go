package hetzner

import (
	"encoding/json"
	"fmt"

	"go.yaml.in/yaml/v3"

	"github.com/netbrk/netbrk/internal/cloud"
)

// toJSON turns a YAML document into JSON, so that it is decoded as all clouds'
// are. vendor_data comes in whatever style its text calls for, and so a parser is
// needed that knows them all. A scalar keeps its own spelling: to YAML 1.1 the MAC
// 10:20:30:40:50:10 is a number, and to any the hostname 0x10 is one.
func toJSON(raw []byte) ([]byte, error) {
	var document yaml.Node
	if err := yaml.Unmarshal(raw, &document); err != nil {
		return nil, fmt.Errorf("decoding YAML: %w: %w", cloud.ErrRefused, err)
	}
	value, err := plain(&document)
	if err != nil {
		return nil, fmt.Errorf("decoding YAML: %w: %w", cloud.ErrRefused, err)
	}
	return json.Marshal(value)
}

// plain returns maps, slices, texts and nil. Aliases are refused: the service
// writes none, and a few lines of them make a document of any size.
func plain(node *yaml.Node) (any, error) {
	switch node.Kind {
	case yaml.DocumentNode:
		return plain(node.Content[0])
	case yaml.MappingNode:
		return plainMap(node.Content)
	case yaml.SequenceNode:
		return plainSlice(node.Content)
	case yaml.AliasNode:
		return nil, fmt.Errorf("line %d: an alias", node.Line)
	}
	if node.ShortTag() == "!!null" {
		return nil, nil
	}
	return node.Value, nil
}

func plainMap(content []*yaml.Node) (any, error) {
	values := make(map[string]any, len(content)/2)
	for i := 0; i+1 < len(content); i += 2 {
		key := content[i].Value
		if _, twice := values[key]; twice {
			return nil, fmt.Errorf("line %d: %.60q is there twice", content[i].Line, key)
		}
		value, err := plain(content[i+1])
		if err != nil {
			return nil, err
		}
		values[key] = value
	}
	return values, nil
}

func plainSlice(content []*yaml.Node) (any, error) {
	values := make([]any, len(content))
	for i, node := range content {
		value, err := plain(node)
		if err != nil {
			return nil, err
		}
		values[i] = value
	}
	return values, nil
}
