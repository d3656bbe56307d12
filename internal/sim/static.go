package sim

// Parts of a report that never change, in the shapes seen in the captures of
// ha-bambulab and in BambuStudio's parser; all values are made up.
const (
	staticUpgrade = `{"status":"IDLE","progress":"0","message":"","module":"null","err_code":0,"dis_state":0,"new_version_state":2,"force_upgrade":false,"consistency_request":false,"ota_new_version_number":"","ams_new_version_number":"","ahb_new_version_number":"","ext_new_version_number":"","idx":4,"idx2":204412160,"lower_limit":"00.00.00.00","sequence_id":0}`

	staticUpgradeSmall = `{"sequence_id":0,"progress":"","status":"IDLE","consistency_request":false,"dis_state":0,"err_code":0,"force_upgrade":false,"message":"0%, 0B/s","module":"","new_version_state":2,"cur_state_code":0,"idx2":204412160,"new_ver_list":[]}`

	staticUpload = `{"status":"idle","progress":0,"message":"Good","file_size":0,"finish_size":0,"speed":0,"oss_url":"","task_id":"","time_remaining":0,"trouble_id":"","sequence_id":"0903"}`

	staticUploadSmall = `{"status":"idle","progress":0,"message":""}`

	staticCare = `[{"id":"ls","info":"410"},{"id":"cr","info":"410"},{"id":"lr","info":"410"},{"id":"fa","info":"410"}]`

	staticAirductModes = `"modeList":[{"modeId":0,"ctrl":[16,32,48],"off":[96]},{"modeId":1,"ctrl":[16],"off":[32,48]},{"modeId":2,"ctrl":[16,48],"off":[32]}]`

	staticCam = `{"laser":{"cond":248,"state":0}}`
)
