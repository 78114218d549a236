package imdstest

import (
	"bytes"
	"encoding/json"
	"fmt"
	"slices"
	"time"

	"github.com/netbrk/netbrk/internal/hostnet"
)

// Scene is a server in a file.
type Scene struct {
	Cloud    string           `json:"cloud"`
	Told     hostnet.Metadata `json:"told"`
	Faults   []Fault          `json:"faults,omitempty"`
	Hardened bool             `json:"hardened,omitempty"`
	// DelayMS is how late each answer is, in milliseconds.
	DelayMS int `json:"delay_ms,omitempty"`
}

// ParseScene reads a scene in JSON. What it does not know is an error.
func ParseScene(raw []byte) (Scene, error) {
	var scene Scene
	decoder := json.NewDecoder(bytes.NewReader(raw))
	decoder.DisallowUnknownFields()
	if err := decoder.Decode(&scene); err != nil {
		return Scene{}, fmt.Errorf("parsing scene: %w", err)
	}
	if !slices.Contains(Clouds(), scene.Cloud) {
		return Scene{}, fmt.Errorf("parsing scene: there is no cloud %q, only %q", scene.Cloud, Clouds())
	}
	return scene, nil
}

// Play makes the server that of the scene. The cloud stays what it is.
func (s *Server) Play(scene Scene) {
	s.Script(scene.Faults...)
	s.mu.Lock()
	defer s.mu.Unlock()
	s.told, s.hardened = clone(scene.Told), scene.Hardened
	s.delay = time.Duration(scene.DelayMS) * time.Millisecond
}
