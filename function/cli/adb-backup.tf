# Everything that s.yaml and `make role` make. It needs `make package` first. The page beside this file says more.
#
# The destination for failures alone needs a provider that was released after 26 August 2026. Earlier ones, 1.268 among them, send an
# empty destination for successes as well, which Function Compute refuses. max_text_len needs 1.263.
terraform {
  required_providers {
    alicloud = {
      source  = "aliyun/alicloud"
      version = ">= 1.269.0"
    }
  }
}

# The chat robot's URL and its signing secret: export TF_VAR_webhook=… TF_VAR_secret=…
variable "webhook" {
  type      = string
  default   = ""
  sensitive = true
}

variable "secret" {
  type      = string
  default   = ""
  sensitive = true
}

provider "alicloud" {
  region = local.region
}

data "alicloud_account" "current" {}

locals {
  region   = "cn-hangzhou"
  account  = data.alicloud_account.current.id
  name     = "adb-backup"
  clusters = ["amv-wz9or2xawpnc", "amv-bp1c8v3q9xk27d"]
  failed   = "/topics/${alicloud_message_service_topic.failed.topic_name}/messages"
}

resource "alicloud_ram_role" "backup" {
  role_name = local.name
  assume_role_policy_document = jsonencode({
    Version = "1"
    Statement = [{
      Effect    = "Allow"
      Action    = "sts:AssumeRole"
      Principal = { Service = ["fc.aliyuncs.com"] }
    }]
  })
}

# With a selector: dbcluster/* as the resource, and the action adb:DescribeDBClusters as well.
resource "alicloud_ram_policy" "backup" {
  policy_name     = local.name
  rotate_strategy = "DeleteOldestNonDefaultVersionWhenLimitExceeded"
  policy_document = jsonencode({
    Version = "1"
    Statement = [
      {
        Effect   = "Allow"
        Action   = ["adb:CreateBackup", "adb:DescribeBackups"]
        Resource = [for id in local.clusters : "acs:adb:${local.region}:*:dbcluster/${id}"]
      },
      {
        Effect   = "Allow"
        Action   = ["mns:PublishMessage"]
        Resource = ["acs:mns:${local.region}:*:${local.failed}"]
      },
    ]
  })
}

resource "alicloud_ram_role_policy_attachment" "backup" {
  role_name   = alicloud_ram_role.backup.role_name
  policy_name = alicloud_ram_policy.backup.policy_name
  policy_type = "Custom"
}

resource "alicloud_log_project" "backup" {
  project_name = "adb-backup-${local.account}"
}

resource "alicloud_log_store" "backup" {
  project_name     = alicloud_log_project.backup.project_name
  logstore_name    = "function"
  retention_period = 90
}

resource "alicloud_log_store_index" "backup" {
  project  = alicloud_log_project.backup.project_name
  logstore = alicloud_log_store.backup.logstore_name
  max_text_len = 16384
  full_text {
    case_sensitive = true
    token          = ", '\";=()[]{}?@&<>/:\n\t\r"
  }
  field_search {
    name             = "message"
    type             = "text"
    enable_analytics = true
    case_sensitive   = true
    token            = ", '\";=()[]{}?@&<>/:\n\t\r"
  }
}

resource "alicloud_fcv3_function" "backup" {
  function_name = local.name
  runtime       = "go1"
  handler       = "main"
  role          = alicloud_ram_role.backup.arn
  timeout       = 3600
  cpu           = 0.05
  memory_size   = 128
  disk_size     = 512
  environment_variables = {
    LOG_LEVEL         = "info"
    ADB_ALARM_WEBHOOK = var.webhook
    ADB_ALARM_SECRET  = var.secret
  }
  code {
    zip_file = filebase64("dist/function.zip")
  }
  log_config {
    project        = alicloud_log_project.backup.project_name
    logstore       = alicloud_log_store.backup.logstore_name
    log_begin_rule = "None"
  }
  depends_on = [alicloud_ram_role_policy_attachment.backup]
}

resource "alicloud_fcv3_async_invoke_config" "backup" {
  function_name                  = alicloud_fcv3_function.backup.function_name
  qualifier                      = "LATEST"
  max_async_retry_attempts       = 3
  max_async_event_age_in_seconds = 18000
  destination_config {
    on_failure {
      destination = "acs:mns:${local.region}:${local.account}:${local.failed}"
    }
  }
}

resource "alicloud_fcv3_trigger" "nightly" {
  function_name = alicloud_fcv3_function.backup.function_name
  qualifier     = "LATEST"
  trigger_name  = "nightly"
  trigger_type  = "timer"
  trigger_config = jsonencode({
    cronExpression = "CRON_TZ=Asia/Shanghai 0 0 2 * * *"
    enable         = true
    payload        = jsonencode({ DBClusterIds = local.clusters, WaitFor = "Completed" })
  })
}

resource "alicloud_fcv3_trigger" "verify" {
  function_name = alicloud_fcv3_function.backup.function_name
  qualifier     = "LATEST"
  trigger_name  = "verify"
  trigger_type  = "timer"
  trigger_config = jsonencode({
    cronExpression = "CRON_TZ=Asia/Shanghai 0 0 8 * * *"
    enable         = true
    payload        = jsonencode({ Action = "Verify", DBClusterIds = local.clusters, MaxAge = "7h" })
  })
}

resource "alicloud_message_service_topic" "failed" {
  topic_name = "adb-backup-failed"
}

resource "alicloud_message_service_subscription" "failed" {
  topic_name            = alicloud_message_service_topic.failed.topic_name
  subscription_name     = "webhook"
  push_type             = "http"
  endpoint              = "https://hooks.example.com/backup-failed"
  notify_content_format = "JSON"
}
