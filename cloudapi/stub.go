package cloudapi

// NoHits is a list of the vendor's model site, which is always empty here. Seed and
// Surplus are read from one of them.
type NoHits struct {
	Total   int        `json:"total"`
	Hits    []struct{} `json:"hits"`
	Seed    int        `json:"seed"`
	Surplus int        `json:"surplus"`
}

// ConsentRequest is POST /v1/user-service/user/consent. The body is JSON inside a
// string.
type ConsentRequest struct {
	ConsentBody string `json:"consentBody,omitempty"`
}

// MySetting is GET /v1/user-service/my/setting. No capture shows it; the one key is
// that of the profile.
type MySetting struct {
	Setting ProfileSetting `json:"setting"`
}
