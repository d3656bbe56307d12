package rest

import (
	"github.com/grovecloud/grove"
)

// needs says which rights on their own account a route asks of whoever calls it,
// before its rule asks for those on the printer it is about. What is not here is
// for people who signed in, and closed to API keys.
var needs = map[string][]grove.Action{
	"GET /v1/user-service/my/profile":           {grove.ReadAccount},
	"GET /v1/design-user-service/my/preference": {grove.ReadAccount},
	"GET /v1/grove-service/clock":               {grove.ReadAccount},

	"GET /v1/iot-service/api/user/bind":                     {grove.ReadPrinter},
	"GET /v1/iot-service/api/user/bind_list":                {grove.ReadPrinter},
	"POST /v1/iot-service/api/user/bind":                    {grove.BindPrinter},
	"GET /v1/iot-service/api/user/device/info":              {grove.ReadPrinter},
	"PATCH /v1/iot-service/api/user/device/info":            {grove.BindPrinter},
	"GET /v1/iot-service/api/user/device/version":           {grove.ReadPrinter},
	"POST /v1/iot-service/api/user/ttcode":                  {grove.ReadPrinter},
	"GET /v1/iot-service/api/user/print":                    {grove.ReadPrinter, grove.ReadJobs},
	"GET /v1/grove-service/printers":                        {grove.ReadPrinter},
	"GET /v1/grove-service/printers/{serial}":               {grove.ReadPrinter},
	"GET /v1/grove-service/printers/live":                   {grove.ReadPrinter},
	"GET /v1/grove-service/simulated-printers":              {grove.ReadPrinter},
	"GET /v1/grove-service/models":                          {grove.ReadPrinter},
	"GET /v1/grove-service/live":                            {grove.ReadPrinter},
	"PUT /v1/grove-service/live/{id}":                       {grove.ReadPrinter},
	"GET /v1/grove-service/printers/{serial}/live":          {grove.ReadPrinter},
	"GET /v1/grove-service/printers/{serial}/report":        {grove.ReadPrinter},
	"PATCH /v1/grove-service/printers/{serial}":             {grove.BindPrinter},
	"GET /v1/grove-service/printers/{serial}/temperatures":  {grove.ReadPrinter},
	"GET /v1/grove-service/printers/{serial}/files":         {grove.ReadPrinter, grove.ReadFiles},
	"GET /v1/grove-service/printers/{serial}/files/content": {grove.ReadPrinter, grove.ReadFiles},
	"DELETE /v1/grove-service/printers/{serial}/files":      {grove.ControlPrinter, grove.WriteFiles},
	"POST /v1/grove-service/printers/{serial}/commands":     {grove.ReadPrinter}, // the rule asks for what the command is
	"POST /v1/grove-service/printers/{serial}/plate-clear":  {grove.StartPrint},
	"POST /v1/grove-service/printers":                       {grove.BindPrinter}, // and its rule for the network, unless a bridge reaches it
	"POST /v1/grove-service/printers/{serial}/pair":         {grove.BindPrinter},
	"PUT /v1/grove-service/printers/{serial}/address":       {grove.BindPrinter},
	"POST /v1/grove-service/printers/{serial}/test":         {grove.BindPrinter},
	"POST /v1/grove-service/printers/discover":              {grove.BindPrinter},
	"GET /v1/grove-service/events":                          {grove.ReadPrinter},
	"GET /v1/grove-service/notifications":                   {grove.ReadPrinter},
	"GET /v1/user-service/my/messages":                      {grove.ReadPrinter},

	"POST /v1/iot-service/api/user/print":      {grove.StartPrint},
	"POST /v1/user-service/my/task":            {grove.StartPrint},
	"GET /v1/user-service/my/tasks":            {grove.ReadJobs},
	"GET /v1/user-service/my/task/{id}":        {grove.ReadJobs},
	"GET /v1/iot-service/api/user/task":        {grove.ReadJobs},
	"GET /v1/iot-service/api/user/task/{id}":   {grove.ReadFiles, grove.ReadJobs},
	"GET /v1/grove-service/jobs":               {grove.ReadJobs},
	"GET /v1/grove-service/jobs/{id}":          {grove.ReadJobs},
	"POST /v1/grove-service/jobs":              {grove.StartPrint},
	"POST /v1/grove-service/jobs/fit":          {grove.StartPrint},
	"GET /v1/grove-service/jobs/figures":       {grove.ReadJobs},
	"GET /v1/grove-service/jobs/export":        {grove.ReadJobs},
	"PATCH /v1/grove-service/jobs/{id}":        {grove.StartPrint},
	"GET /v1/grove-service/jobs/{id}/fit":      {grove.ReadPrinter, grove.ReadJobs},
	"POST /v1/grove-service/jobs/{id}/move":    {grove.WriteJobs},
	"POST /v1/grove-service/jobs/{id}/reprint": {grove.StartPrint},
	"POST /v1/grove-service/jobs/{id}/cancel":  {grove.WriteJobs},
	"POST /v1/grove-service/jobs/{id}/resolve": {grove.WriteJobs},

	"GET /v1/iot-service/api/user/files":           {grove.ReadFiles},
	"GET /v1/iot-service/api/user/upload":          {grove.WriteFiles},
	"POST /v1/iot-service/api/user/upload":         {grove.WriteFiles},
	"POST /v1/iot-service/api/user/upload/confirm": {grove.WriteFiles},
	"GET /v1/iot-service/api/user/project":         {grove.ReadFiles},
	"POST /v1/iot-service/api/user/project":        {grove.WriteFiles},
	"GET /v1/iot-service/api/user/project/{id}":    {grove.ReadFiles},
	"PATCH /v1/iot-service/api/user/project/{id}":  {grove.WriteFiles},
	"GET /v1/iot-service/api/user/profile/{id}":    {grove.ReadFiles},
	"GET /v1/iot-service/api/user/notification":    {grove.ReadFiles},
	"PUT /v1/iot-service/api/user/notification":    {grove.WriteFiles},
	"GET /v1/grove-service/files":                  {grove.ReadFiles},
	"GET /v1/grove-service/files/{id}":             {grove.ReadFiles},
	"GET /v1/grove-service/files/{id}/content":     {grove.ReadFiles},
	"DELETE /v1/grove-service/files/{id}":          {grove.WriteFiles},
	"PATCH /v1/grove-service/files/{id}":           {grove.WriteFiles},
	"POST /v1/grove-service/files":                 {grove.WriteFiles},
	"GET /v1/grove-service/files/{id}/versions":    {grove.ReadFiles},

	"GET /v1/grove-service/webhooks":                         {grove.AdminWebhooks},
	"POST /v1/grove-service/webhooks":                        {grove.AdminWebhooks},
	"GET /v1/grove-service/webhooks/{id}":                    {grove.AdminWebhooks},
	"PATCH /v1/grove-service/webhooks/{id}":                  {grove.AdminWebhooks},
	"DELETE /v1/grove-service/webhooks/{id}":                 {grove.AdminWebhooks},
	"POST /v1/grove-service/webhooks/{id}/test":              {grove.AdminWebhooks},
	"POST /v1/grove-service/webhooks/{id}/secret":            {grove.AdminWebhooks},
	"GET /v1/grove-service/webhooks/{id}/deliveries":         {grove.AdminWebhooks},
	"POST /v1/grove-service/webhooks/deliveries/{id}/replay": {grove.AdminWebhooks},

	"GET /v1/design-service/favorites/designs/{uid}":                 {grove.ReadAccount},
	"GET /v1/design-service/my/design/recommend":                     {grove.ReadAccount},
	"GET /v1/design-user-service/filament/config":                    {grove.ReadFiles},
	"GET /v1/design-user-service/my/filament/v2":                     {grove.ReadFiles},
	"POST /v1/design-user-service/my/filament/v2":                    {grove.WriteFiles},
	"PUT /v1/design-user-service/my/filament/v2":                     {grove.WriteFiles},
	"POST /v1/design-user-service/my/filament/v2/ams/sync":           {grove.WriteFiles},
	"DELETE /v1/design-user-service/my/filament/v2/batch":            {grove.WriteFiles},
	"POST /v1/design-user-service/my/filament/v2/slot-mappings/sync": {grove.WriteFiles},
	"GET /v1/iot-service/api/slicer/setting":                         {grove.ReadFiles},
	"POST /v1/iot-service/api/slicer/setting":                        {grove.WriteFiles},
	"DELETE /v1/iot-service/api/slicer/setting/{id}":                 {grove.WriteFiles},
	"GET /v1/iot-service/api/slicer/setting/{id}":                    {grove.ReadFiles},
	"PATCH /v1/iot-service/api/slicer/setting/{id}":                  {grove.WriteFiles},
	"GET /v1/iot-service/api/user/device/{id}/snapshot":              {grove.ReadPrinter},
	"GET /v1/iot-service/api/user/device/{id}/stream":                {grove.ReadPrinter},
	"GET /v1/iot-service/api/user/device/{id}/video":                 {grove.ReadPrinter},
	"GET /v1/iot-service/api/user/video/stream":                      {grove.ReadPrinter},
	"GET /v1/user-service/my/message/count":                          {grove.ReadPrinter},
	"GET /v1/user-service/my/message/latest":                         {grove.ReadPrinter},
	"GET /v1/user-service/my/message/{id}":                           {grove.ReadPrinter},
	"GET /v1/user-service/my/model/profile":                          {grove.ReadFiles},
	"GET /v1/user-service/my/setting":                                {grove.ReadAccount},
	"GET /v1/user-service/my/task/printedplates":                     {grove.ReadAccount},

	"GET /v1/grove-service/audit":         {grove.ReadAudit},
	"GET /v1/grove-service/kits":          {grove.ReadAccount},
	"GET /v1/grove-service/server/ca.pem": {grove.ReadAccount},
}

// mayAsk asks the gate for the rights that a route needs.
func (rt *Router) mayAsk(actor grove.Actor, route Route) error {
	rights := needs[route.Method+" "+route.Path]
	for _, right := range rights {
		if err := rt.Access.Authorize(actor, right, grove.Resource{OwnerID: actor.UserID}); err != nil {
			return err
		}
	}
	if len(rights) == 0 && actor.Kind == grove.ActorKey {
		return grove.Errorf(grove.Forbidden, "not_for_keys", "this is for people alone, not for API keys; sign in with an account")
	}
	return nil
}
