package cloud

import (
	"bytes"
	"fmt"
	"mime"
	"net/http"
)

// checkAnswer refuses what a metadata service does not say. Answers that tell
// nothing, such as 503, may come from a proxy of the cloud's and are not looked
// at; nor is the type of a 404, for which EC2 has a page of HTML.
func (c *Client) checkAnswer(response *http.Response, body []byte) error {
	if status := response.StatusCode; status != http.StatusOK && status != http.StatusNotFound {
		return nil
	}
	if name, want := c.endpoint.IdentityName, c.endpoint.IdentityValue; name != "" {
		if got := response.Header.Get(name); got != want {
			return fmt.Errorf("%w: header %s is %.60q, not %q: not the metadata service", ErrRefused, name, got, want)
		}
	}
	if response.StatusCode == http.StatusOK && isHTML(response.Header.Get("Content-Type"), body) {
		return fmt.Errorf("%w: a page of HTML: not the metadata service", ErrRefused)
	}
	return nil
}

// isHTML tells the page of a proxy or a captive portal. JSON is none whatever
// its type: a web framework's default type is text/html.
func isHTML(contentType string, body []byte) bool {
	start := bytes.ToLower(bytes.TrimSpace(body[:min(len(body), 512)]))
	for _, tag := range []string{"<!doctype", "<html"} {
		if bytes.HasPrefix(start, []byte(tag)) {
			return true
		}
	}
	if len(start) > 0 && (start[0] == '{' || start[0] == '[') {
		return false
	}
	media, _, err := mime.ParseMediaType(contentType)
	return err == nil && (media == "text/html" || media == "application/xhtml+xml")
}
