//! What a store must do, told once and asked of both databases.
//! Each story is a function over an empty store; the macro at the end runs it on SQLite and on a private PostgreSQL.
//! Speed is measured elsewhere (`examples/ingest.rs`).

mod act_stories;
mod backup_stories;
mod door_stories;
mod guard_stories;
mod journal_stories;
mod list_stories;
mod observation_stories;
mod signal_stories;
mod stop_stories;
mod wish_stories;
mod work_stories;

/// Runs each named story on both databases.
macro_rules! on_both {
    ($($module:ident::$story:ident),* $(,)?) => {
        mod on_sqlite {
            $(
                #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
                async fn $story() {
                    crate::$module::$story(&tenure_store::test_support::sqlite_store().await).await;
                }
            )*
        }
        mod on_postgres {
            $(
                #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
                async fn $story() {
                    if let Some(empty) = tenure_store::test_support::postgres_store().await {
                        crate::$module::$story(&empty).await;
                    }
                }
            )*
        }
    };
}

on_both![
    wish_stories::of_two_who_write_one_wish_none_is_lost,
    wish_stories::a_wish_is_found_by_whatever_a_client_knows,
    wish_stories::what_was_wished_before_is_known_of_its_moment,
    wish_stories::a_wish_is_about_the_account_that_its_person_is_found_to_have,
    wish_stories::what_stands_in_the_way_of_wishes_is_listed,
    wish_stories::who_is_wished_gone_is_neither_listed_nor_counted,
    observation_stories::a_batch_is_counted_as_added_changed_or_unchanged,
    observation_stories::a_record_that_comes_twice_in_one_pull_is_kept_once,
    observation_stories::a_killed_pull_goes_on_where_its_last_batch_ended,
    observation_stories::an_old_unfinished_pull_is_begun_anew,
    observation_stories::a_partial_sweep_never_proves_absence,
    observation_stories::only_what_a_complete_walk_did_not_meet_is_gone,
    observation_stories::an_account_that_goes_while_a_pull_walks_hides_no_missing_one,
    observation_stories::a_finished_pull_takes_no_more_batches,
    observation_stories::an_earlier_moment_is_answered_as_it_was,
    observation_stories::the_far_past_costs_no_more_than_yesterday,
    observation_stories::the_past_has_the_links_and_decisions_of_then,
    observation_stories::an_account_that_comes_back_has_a_gap_in_its_past,
    observation_stories::totals_follow_every_write,
    observation_stories::a_doubted_pull_is_not_what_a_source_is_compared_with,
    observation_stories::two_pulls_of_one_connection_at_once_lose_nothing,
    observation_stories::hostile_texts_are_kept_or_refused_never_fatal,
    list_stories::a_cluster_is_all_that_hangs_together_and_nothing_else,
    list_stories::managers_come_with_a_cluster_when_asked_for,
    list_stories::a_cluster_without_end_is_cut_and_says_so,
    list_stories::the_whole_is_loaded_with_history_and_the_vanished,
    list_stories::pages_show_every_account_once,
    list_stories::an_account_is_found_by_any_of_its_keys,
    list_stories::a_link_outlives_a_new_login,
    list_stories::decisions_are_numbered_in_the_order_in_which_they_were_made,
    list_stories::reference_lists_are_replaced_by_kind,
    list_stories::a_finding_keeps_its_first_moment_until_it_is_over,
    list_stories::a_plan_saved_twice_is_one_plan,
    journal_stories::the_journal_is_one_chain_however_many_write,
    journal_stories::a_tampered_entry_is_noticed,
    journal_stories::an_intent_without_an_outcome_is_an_open_step,
    journal_stories::a_step_stays_doubtful_until_it_is_done_for_certain,
    journal_stories::only_one_holds_the_lease_and_a_lost_one_writes_nothing,
    journal_stories::a_note_is_replaced_and_forgotten,
    journal_stories::a_note_that_many_change_loses_no_change,
    journal_stories::a_note_that_cannot_be_read_is_told_and_stays,
    guard_stories::what_was_taken_away_counts_for_a_day_and_for_all_processes,
    guard_stories::processes_that_begin_at_once_do_not_exceed_it_together,
    guard_stories::failures_in_a_row_hold_a_connection_in_every_process,
    stop_stories::a_stop_holds_its_connection_until_it_is_taken_back,
    stop_stories::no_step_begins_after_the_entry_that_stops_it,
    backup_stories::what_was_backed_up_is_restored_in_either_database,
    backup_stories::a_backup_is_of_one_moment_while_others_write,
    backup_stories::a_damaged_backup_is_refused_and_changes_nothing,
    backup_stories::a_store_that_holds_something_is_replaced_only_when_told,
    act_stories::an_act_is_done_once_for_its_key,
    signal_stories::a_signal_is_kept_until_it_is_taken_and_said_once,
    signal_stories::a_stream_is_kept_as_it_is_now_and_an_owner_has_some,
    act_stories::what_came_of_an_act_stays,
    backup_stories::a_backup_of_the_first_shape_is_brought_to_the_present_one,
    door_stories::a_token_is_kept_by_its_hash_until_it_is_revoked,
    door_stories::an_invitation_opens_one_session_however_many_ask,
    door_stories::a_session_is_good_until_it_is_ended,
    door_stories::a_signing_in_opens_one_session_however_often_it_comes_back,
    door_stories::a_provider_ends_its_own_session_or_all_of_a_person,
    list_stories::requests_of_a_day_add_up_whoever_sent_them,
    list_stories::a_day_keeps_its_last_word_on_how_many_there_were,
    door_stories::sealed_values_are_sealed_anew_all_or_none,
    stop_stories::a_step_begins_only_when_the_newest_decisions_are_heard,
    work_stories::a_job_that_waits_is_one_and_keeps_its_earlier_moment,
    work_stories::a_step_of_a_dead_hand_is_settled_once_into_its_own_run,
    work_stories::a_job_asked_for_while_it_runs_is_run_once_more,
    work_stories::the_job_of_a_dead_process_is_due_again_and_the_dead_end_nothing,
    work_stories::a_job_that_keeps_failing_ends_as_failed_and_is_seen,
    work_stories::many_that_claim_at_once_share_the_jobs,
    work_stories::many_that_change_many_jobs_at_once_never_wait_for_each_other,
    work_stories::what_causes_a_job_and_the_job_come_together_or_not_at_all,
    work_stories::two_hands_share_a_run_and_the_last_one_ends_it,
    work_stories::a_dead_hand_loses_its_step_and_writes_nothing_more,
    work_stories::a_run_whose_hands_are_dead_is_not_joined,
];
