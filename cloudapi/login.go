package cloudapi

import "github.com/grovecloud/grove"

// LoginRequest is POST /v1/user-service/user/login: an account with either its
// password or a code from an e-mail.
type LoginRequest struct {
	Account  string       `json:"account"`
	Password grove.Secret `json:"password,omitempty"`
	Code     string       `json:"code,omitempty"`
	APIError string       `json:"apiError,omitempty"` // sent empty by some clients
}

// Login is the answer to a login. All keys are always there: clients tell the
// kinds of login apart by loginType and tfaKey, which are empty after a login by
// password, and one client wants success to be true.
type Login struct {
	AccessToken      grove.Secret `json:"accessToken"`
	RefreshToken     grove.Secret `json:"refreshToken"`
	ExpiresIn        int64        `json:"expiresIn"`        // seconds
	RefreshExpiresIn int64        `json:"refreshExpiresIn"` // seconds
	TFAKey           grove.Secret `json:"tfaKey"`
	AccessMethod     string       `json:"accessMethod"`
	LoginType        string       `json:"loginType"` // "", verifyCode or tfa
	Success          bool         `json:"success"`
}

// RefreshRequest is POST /v1/user-service/user/refreshtoken.
type RefreshRequest struct {
	RefreshToken grove.Secret `json:"refreshToken"`
}

// LogoutRequest is POST /v1/user-service/my/logout. The slicer sends the key in
// lower case and always empty; the bearer says which session ends.
type LogoutRequest struct {
	RefreshToken string `json:"refreshtoken,omitempty"`
}

// Profile is GET /v1/user-service/my/profile: the observed object at the top and
// the documented one in data.
type Profile struct {
	Message          string           `json:"message"`
	Code             int              `json:"code"`
	UID              int64            `json:"uid"`
	UIDStr           string           `json:"uidStr"`
	Account          string           `json:"account"`
	Email            string           `json:"email"`
	Name             string           `json:"name"`
	Avatar           string           `json:"avatar"`
	FanCount         int              `json:"fanCount"`
	FollowCount      int              `json:"followCount"`
	Identifier       int              `json:"identifier"`
	ProductModels    []string         `json:"productModels"`
	Personal         Personal         `json:"personal"`
	NSFWShown        bool             `json:"isNSFWShown"`
	FavoritesCount   int              `json:"favoritesCount"`
	DefaultLicense   string           `json:"defaultLicense"`
	Point            int              `json:"point"`
	TPModelAccounts  []string         `json:"tpModelAccounts"`
	MWCount          map[string]int   `json:"MWCount"`
	BannedPermission BannedPermission `json:"bannedPermission"`
	Certificated     bool             `json:"certificated"`
	Setting          ProfileSetting   `json:"setting"`
	Data             ProfileData      `json:"data"`
}

// Personal is what a person tells others on the vendor's model site.
type Personal struct {
	Bio           string   `json:"bio"`
	Links         []string `json:"links"`
	TaskWeightSum float64  `json:"taskWeightSum"` // grams
	TaskLengthSum float64  `json:"taskLengthSum"` // centimetres
	TaskTimeSum   int64    `json:"taskTimeSum"`   // seconds
	BackgroundURL string   `json:"backgroundUrl"`
	DesignsInfo   []string `json:"designsInfo"`
	UserLevel     Level    `json:"userLevel"`
}

// Level is a person's rank on the vendor's model site; always the lowest here.
type Level struct {
	Level     int `json:"level"`
	GradeType int `json:"gradeType"`
}

// BannedPermission is what the vendor's site forbids a person; never anything here.
type BannedPermission struct {
	Whole   bool `json:"whole"`
	Comment bool `json:"comment"`
	Upload  bool `json:"upload"`
	Redeem  bool `json:"redeem"`
}

// ProfileSetting are switches of the vendor's site.
type ProfileSetting struct {
	LikeOpen         bool `json:"isLikeOpen"`
	FollowOpen       bool `json:"isFollowOpen"`
	FanOpen          bool `json:"isFanOpen"`
	FirmwareBetaOpen bool `json:"isFirmwareBetaOpen"`
	RecommendStatus  int  `json:"recommendStatus"`
}

// ProfileData is the profile as documented.
type ProfileData struct {
	UserID       string       `json:"user_id"`
	Email        string       `json:"email"`
	Username     string       `json:"username"`
	AvatarURL    string       `json:"avatar_url"`
	CreatedAt    string       `json:"created_at"` // RFC 3339
	Subscription Subscription `json:"subscription"`
}

// Subscription is a plan; there is only one here, and it does not end.
type Subscription struct {
	Plan      string  `json:"plan"`
	ExpiresAt *string `json:"expires_at"`
}

// ProfileChange is PUT /v1/user-service/my/profile; what is absent stays.
type ProfileChange struct {
	Username  *string `json:"username,omitempty"`
	AvatarURL *string `json:"avatar_url,omitempty"`
}

// Preference is GET /v1/design-user-service/my/preference, where clients learn the
// number that their MQTT user name u_<uid> is made of.
type Preference struct {
	UID             int64    `json:"uid"`
	Name            string   `json:"name"`
	Handle          string   `json:"handle"`
	Avatar          string   `json:"avatar"`
	Bio             string   `json:"bio"`
	Links           []string `json:"links"`
	BackgroundURL   string   `json:"backgroundUrl"`
	RecommendStatus int      `json:"recommendStatus"`
}
