package gcp

import (
	"encoding/json"
	"slices"
	"strings"
	"time"

	"github.com/netbrk/netbrk/internal/cloud"
	"github.com/netbrk/netbrk/internal/hostnet"
)

// factKeys are the keys of the facts that are shown.
func factKeys() []string {
	return []string{
		"instance/id", "instance/name", "instance/hostname", "instance/zone", "instance/machine-type",
		"instance/image", "instance/scheduling/preemptible", "project/project-id", "project/numeric-project-id",
		serviceAccount + "email", serviceAccount + "scopes",
	}
}

// system gathers the facts; those that could not be had go to gaps.
func system(a cloud.Answers, now time.Time, gaps *cloud.Gaps) hostnet.System {
	failed := append([]string{instanceAttributes, projectAttributes}, factKeys()...)
	for _, key := range append(failed, attributes(a)...) {
		if a.Failed[key] != nil {
			gaps.Add(key)
		}
	}
	fact := func(key string) string { return cloud.ParseFact(a.Text(key)) }
	s := hostnet.System{
		Provider:   "gcp",
		InstanceID: fact("instance/id"),
		Name:       fact("instance/name"),
		Hostname:   fact("instance/hostname"),
		Type:       last(fact("instance/machine-type")),
		Image:      fact("instance/image"),
		Zone:       last(fact("instance/zone")),
		Account:    fact("project/project-id"),
		SSHKeys:    sshKeys(a, now),
		Project:    project(a),
	}
	if i := strings.LastIndexByte(s.Zone, '-'); i > 0 {
		s.Region = s.Zone[:i]
	}
	if strings.EqualFold(fact("instance/scheduling/preemptible"), "true") {
		s.Lifecycle = "preemptible"
	}
	return s
}

// project is nil where the service tells none.
func project(a cloud.Answers) *hostnet.Project {
	p := hostnet.Project{
		ID:             cloud.ParseFact(a.Text("project/project-id")),
		Number:         cloud.ParseFact(a.Text("project/numeric-project-id")),
		Attributes:     facts(a.Text(projectAttributes)),
		ServiceAccount: cloud.ParseFact(a.Text(serviceAccount + "email")),
		Scopes:         facts(a.Text(serviceAccount + "scopes")),
	}
	if p.ID == "" {
		return nil
	}
	return &p
}

// facts are the lines of a list that can be shown.
func facts(text string) []string {
	var found []string
	for _, item := range cloud.ParseList(text) {
		if fact := cloud.ParseFact(item); fact != "" {
			found = append(found, fact)
		}
	}
	return found
}

// last is the last part of a name such as projects/123/zones/europe-west4-a.
func last(name string) string { return name[strings.LastIndexByte(name, '/')+1:] }

// sshKeys are those of the instance and, unless it blocks them, of the project.
// The older attribute sshKeys of an instance blocks them, too.
func sshKeys(a cloud.Answers, now time.Time) []string {
	instance := a.Text(instanceAttributes+"ssh-keys") + "\n" + a.Text(instanceAttributes+"sshKeys")
	project := a.Text(projectAttributes+"ssh-keys") + "\n" + a.Text(projectAttributes+"sshKeys")
	if a.Has(instanceAttributes+"sshKeys") || strings.EqualFold(a.Text(instanceAttributes+"block-project-ssh-keys"), "true") {
		project = ""
	}
	var keys []string
	for _, line := range cloud.ParseKeys(instance + "\n" + project) {
		if key := parseKey(line, now); key != "" && !slices.Contains(keys, key) {
			keys = append(keys, key)
		}
	}
	return keys
}

// parseKey reads a line USER:KEY, and returns "" for a key that has expired. One
// that expires ends in google-ssh and a JSON document.
func parseKey(line string, now time.Time) string {
	if user, key, ok := strings.Cut(line, ":"); ok && !strings.ContainsAny(user, " \t") {
		line = strings.TrimSpace(key)
	}
	_, tail, ok := strings.Cut(line, " google-ssh ")
	if !ok {
		return line
	}
	var doc struct {
		ExpireOn string `json:"expireOn"`
	}
	if json.Unmarshal([]byte(tail), &doc) != nil || doc.ExpireOn == "" {
		return line
	}
	expiry, err := time.Parse("2006-01-02T15:04:05-0700", doc.ExpireOn)
	if err != nil || expiry.Before(now) {
		return ""
	}
	return line
}
