package server

import "net/url"

// publicHost is the host of the public URL, if there is one.
func publicHost(public string) []string {
	u, err := url.Parse(public)
	if err != nil || u.Hostname() == "" {
		return nil
	}
	return []string{u.Hostname()}
}
