//! The words of the wire format itself.
//!
//! Owns the list of field names and values that hide nothing, whoever writes them. It must never
//! gain a word that could be somebody's data.

use std::{collections::HashSet, sync::LazyLock};

/// Whether nothing can hide in a key or a value that is exactly this.
pub(in crate::openai) fn is_own_word(word: &str) -> bool {
    static SET: LazyLock<HashSet<&str>> = LazyLock::new(|| WORDS.split_whitespace().collect());
    SET.contains(word)
}

/// Sorted.
const WORDS: &str = "
$defs $ref $schema /v1/chat/completions /v1/completions /v1/embeddings /v1/images/generations
/v1/moderations /v1/responses 1024x1024 1024x1536 1024x1792 1536x1024 1792x1024 24h 256x256
512x512 aac aborted accepted_prediction_tokens acknowledged_safety_checks action actions add
additionalProperties additional_tools after allOf all_turns allowed_callers allowed_domains
allowed_tool_names allowed_tools alloy always annotation annotations anyOf apply_patch
apply_patch_call apply_patch_call_output approval approval_request_id approve approximate
arguments array asc ash assistant assistants attributes audio audio/mpeg audio_tokens
authorization auto autocompact avg_logprob b64_json background ballad base64 batch batch.request
batches before billing blocked body boolean browser bytes bytes_total cached_tokens call call_id
call_ids cancelled cancelled_at cancelling cancelling_at categories category_applied_input_types
category_scores cedar chat chat.completion chat.completion.chunk chat.completion.deleted
chat_template_kwargs choices chunking_strategy city clear click code code_execution
code_interpreter code_interpreter_call command commands compaction comparison_filter completed
completed_at completion completion_tokens completion_tokens_details completion_window
compound_filter compression_ratio computer computer_call computer_call_output
computer_screenshot computer_use computer_use_preview concise connector connector_id const
container container_file_citation container_id content content_filter content_filter_results
content_part context context_length context_management conversation coral count country
create_file created created_at custom custom_id custom_tool custom_tool_call
custom_tool_call_output data date date-time default definition definitions delete delete_file
deleted delta deployment desc description detail detailed developer diarized_json diff
dimensions disabled display_height display_width double_click drag duration echo effort
embedding embeddings enable_thinking enabled encoding_format encrypted_content end end_index
end_time endpoint enum env environment error error_file_id errors evals examples
exclusiveMaximum exclusiveMinimum exec exit exit_code expired expired_at expires_after
expires_at fable failed failed_at fallback false fidelity file file_citation file_counts
file_data file_id file_ids file_path file_search file_search_call file_search_call.results
file_url filename files filters finalizing finalizing_at fine-tune finish_reason finished
first_id flac flagged flex float float32 format frequency_penalty function function_call
function_call_output functions generate gif grammar guided_json harassment
harassment/threatening has_more hate hate/threatening hd headers height high hybrid id illicit
illicit/violent image image_file image_generation image_generation_call image_url images
in-memory in_memory in_progress in_progress_at include include_obfuscation include_reasoning
include_usage incomplete incomplete_details index input input_audio input_audio_buffer
input_fidelity input_file input_file_id input_image input_image_mask input_items input_schema
input_text input_tokens input_tokens_details instructions integer ipv4 ipv6 item item_id
item_reference items jpeg jpg json json_mode json_object json_schema keep_alive keypress keys
language large lark last_error last_id last_turn length limit linux list local_shell
local_shell_call local_shell_call_output location log_prob logit_bias logprob logprobs logs low
low-latency m4a marin mask maxItems maxLength max_completion_tokens max_num_results
max_output_length max_output_tokens max_tokens max_tool_calls max_total_tokens maximum mcp
mcp_approval_request mcp_approval_response mcp_call mcp_list_tools medium message messages
metadata minItems minLength min_p minimal minimum modalities mode model model_id moderation mp3
mp4 mpeg multipleOf n n_results name namespace natural navigate never no_speech_prob none not
nova null nullable num_ctx number object object_id oneOf onyx opaque open_page operation options
opus order organization other outcome output output_audio output_compression output_file_id
output_format output_image output_index output_text output_tokens output_tokens_details outputs
owned_by page page_size parallel_tool_calls parameters partial_images path pattern
patternProperties payer pcm pcm16 pending_safety_checks permission phrase_boundary plugins png
prediction prefixItems presence presence_penalty previous_response_id priority processed prompt
prompt_cache_key prompt_cache_retention prompt_tokens prompt_tokens_details properties provider
purpose quality queries query queued rank ranker ranking_options read reason reasoning
reasoning_content reasoning_details reasoning_effort reasoning_text reasoning_tokens redacted
refusal regex region rejected_prediction_tokens repetition_penalty request_counts request_id
require_approval required response response_format response_id result results retrieval
revised_prompt role root route safety_identifier sage sandbox scale schema score screenshot
scroll search search_content_types search_context_size seconds seed segment segments
segments_count self-harm self-harm/instructions self-harm/intent server_description server_label
server_url service_tier sexual sexual/minors shell shell_call shell_call_output shimmer
signature size skill skill_id skills sort source sources speaker speed srt sse standard start
start_index start_time status status_code stderr stdout step stop stop_reason stop_sequence
store stream stream_format stream_options strict string style submitted suffix summary
summary_text syntax system system_fingerprint task_type temperature terminal text text/plain
text_delta text_format text_offset text_tokens thinking time timeout timeout_ms timestamp
timestamp_granularities timezone title token token_count token_logprobs tokens tool tool_call
tool_call_id tool_calls tool_choice tool_result tool_use tools top_a top_k top_logprobs top_n
top_p total_tokens transcript transcript.text.done transcription transcription_session
transforms transparent true truncation type ubuntu uniqueItems unknown update update_file
updated uploaded uri url url_citation usage usage_tokens use user user_data user_location uuid
valid validating variables vector_store vector_store_ids verbose_json verbosity verse version
view violence violence/graphic vision vivid voice vtt wait warning wav web web_search
web_search_call web_search_options web_search_preview webp website whisper width windows word
words working_directory write x xhigh y
";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_words_are_sorted_and_short() {
        assert!(WORDS.split_whitespace().is_sorted());
        assert!(WORDS.split_whitespace().all(|word| word.len() <= 32));
        assert!(is_own_word("messages") && is_own_word("$defs") && is_own_word("xhigh"));
        assert!(!is_own_word("Messages") && !is_own_word(""));
    }
}
